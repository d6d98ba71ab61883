import { type TaskState, taskStates } from '@tenma/protocol';
import { UsageError } from './cli-errors.ts';

/** @throws UsageError */
export function parseInteger(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(
    `${option} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
  );
}

/** A decimal number. @throws UsageError */
export function parseNumber(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} takes a number from ${least} to ${most}, not ${JSON.stringify(text)}`);
}

/** One of a few words. @throws UsageError */
export function parseChoice<Choice extends string>(
  text: string,
  option: string,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((known) => known === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`${option} takes ${choices.join(', ')}, not ${JSON.stringify(text)}`);
}

type Given<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

/** The fields that are not undefined. */
export function given<Fields extends object>(fields: Fields): Given<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Given<Fields>;
}

/** @throws UsageError */
export function parseLabels(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw new UsageError(`--label takes KEY=VALUE, not ${JSON.stringify(pair)}`);
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

/** States from `a,b` or from several options. @throws UsageError */
export function parseStates(texts: readonly string[]): TaskState[] {
  return texts
    .flatMap((text) => text.split(','))
    .map((name) => {
      const state = taskStates.find((known) => known === name.trim());
      if (state !== undefined) return state;
      throw new UsageError(
        `There is no state ${JSON.stringify(name)}`,
        `The states: ${taskStates.join(', ')}.`,
      );
    });
}
