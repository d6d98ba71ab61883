import { type Json, pointer, type Presence, type TaskType } from '@tenma/protocol';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** The task types that workers have announced, with the check of their inputs. Remembered in the store. */
export interface TaskTypes {
  get(type: string): TaskType | undefined;
  all(): readonly TaskType[];
  /** What is wrong with an input, by JSON pointer; empty when it is right. */
  faults(type: string, input: Json): { pointer: string; detail: string }[];
  announced(presence: Presence): void;
  /** Reads what earlier runs have learned; tries until the store answers. */
  load(signal: AbortSignal): Promise<void>;
}

interface Known {
  readonly type: TaskType;
  readonly text: string;
  validate: ValidateFunction | undefined;
}

const retryMs = 500;

export function createTaskTypes({ store, clock, log }: { store: Store; clock: Clock; log: Log }): TaskTypes {
  const known = new Map<string, Known>();

  function learn(type: TaskType): boolean {
    const text = JSON.stringify(type);
    const before = known.get(type.type);
    if (before?.text === text) return false;
    // While an update rolls through the fleet both versions speak: the newer one counts.
    if (before && compareVersions(type.version, before.type.version) < 0) return false;
    known.set(type.type, { type, text, validate: undefined });
    return true;
  }

  function validatorOf(entry: Known): ValidateFunction {
    const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false });
    entry.validate ??= ajv.compile(entry.type.input_schema);
    return entry.validate;
  }

  return {
    get: (type) => known.get(type)?.type,
    all: () => [...known.values()].map(({ type }) => type).sort((a, b) => a.type.localeCompare(b.type)),
    faults(type, input) {
      const entry = known.get(type);
      if (!entry) return [];
      const validate = validatorOf(entry);
      return validate(input) ? [] : (validate.errors ?? []).slice(0, 20).map(fault);
    },
    announced({ types }) {
      const news = types.filter(learn);
      if (news.length === 0) return;
      store
        .saveTaskTypes(news)
        .catch((error: unknown) => log.warn({ err: error }, 'task types not remembered'));
    },
    async load(signal) {
      while (!signal.aborted) {
        try {
          for (const type of await store.taskTypes()) if (!known.has(type.type)) learn(type);
          return;
        } catch {
          await sleep(clock, retryMs, signal).catch(() => undefined);
        }
      }
    },
  };
}

function fault(error: ErrorObject): { pointer: string; detail: string } {
  const missing = error.keyword === 'required' ? [String(error.params['missingProperty'])] : [];
  const extra = error.keyword === 'additionalProperties' ? [String(error.params['additionalProperty'])] : [];
  const path = error.instancePath.split('/').slice(1).map(unescapePointer);
  const detail = extra.length > 0 ? 'is not a field of this input' : (error.message ?? 'is not valid');
  return { pointer: pointer(['input', ...path, ...missing, ...extra]), detail };
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
