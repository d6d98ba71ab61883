import type { Command } from 'commander';
import type { ExitCode } from './exit-code.ts';
import type { Session } from './session.ts';

/** What a command does; its exit code is 0 unless it says otherwise or throws. */
export type CommandAction<Options> = (
  session: Session,
  args: readonly string[],
  options: Options,
) => Promise<ExitCode | void>;

/** Makes an action into what commander calls. */
export type Act = <Options>(action: CommandAction<Options>) => (...received: unknown[]) => Promise<void>;

/** Adds the commands of a group to the program. */
export type CommandGroup = (program: Command, act: Act) => void;

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
