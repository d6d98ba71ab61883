import { type Json, pointer, type Presence, roughJsonBytes, type TaskType } from '@tenma/protocol';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** The task types that workers have announced, with the check of their inputs. Remembered in the store. */
export interface TaskTypes {
  get(type: string): TaskType | undefined;
  all(): readonly TaskType[];
  /** What is wrong with an input, by JSON pointer; empty when it is right. */
  faults(type: string, input: Json): { pointer: string; detail: string }[];
  /** Somebody has appeared; `online` is the whole fleet: of a type the highest version that somebody has counts. */
  announced(online: Iterable<Presence>): void;
  /** Reads what earlier runs have learned; tries until the store answers. */
  load(signal: AbortSignal): Promise<void>;
}

interface Known {
  readonly type: TaskType;
  readonly text: string;
  validators: Validators | undefined;
}

/** Two checks of one schema: the quick one decides, the thorough one names every fault. */
interface Validators {
  readonly quick: ValidateFunction;
  readonly thorough: ValidateFunction;
}

/** Naming every fault of an input larger than this could hold up everybody else: then only the first is named. */
const thoroughBytes = 8 * 1024;
const faultsMax = 20;

const retryMs = 500;

export function createTaskTypes({ store, clock, log }: { store: Store; clock: Clock; log: Log }): TaskTypes {
  const known = new Map<string, Known>();

  function learn(type: TaskType): boolean {
    const text = JSON.stringify(type);
    if (known.get(type.type)?.text === text) return false;
    known.set(type.type, { type, text, validators: undefined });
    return true;
  }

  function validatorsOf(entry: Known): Validators {
    entry.validators ??= compile(entry.type.input_schema);
    return entry.validators;
  }

  return {
    get: (type) => known.get(type)?.type,
    all: () => [...known.values()].map(({ type }) => type).sort((a, b) => a.type.localeCompare(b.type)),
    faults(type, input) {
      const entry = known.get(type);
      if (!entry) return [];
      const { quick, thorough } = validatorsOf(entry);
      if (quick(input)) return [];
      const validate = roughJsonBytes(input) > thoroughBytes ? quick : thorough;
      validate(input);
      return (validate.errors ?? []).slice(0, faultsMax).map(fault);
    },
    announced(online) {
      const news = newest(online).filter(learn);
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

function compile(schema: TaskType['input_schema']): Validators {
  const options = { strict: false, validateFormats: false };
  return {
    quick: new Ajv2020(options).compile(schema),
    thorough: new Ajv2020({ ...options, allErrors: true }).compile(schema),
  };
}

/** Of each type the highest version. While an update rolls through the fleet both versions speak. */
function newest(online: Iterable<Presence>): TaskType[] {
  const highest = new Map<string, TaskType>();
  for (const { types } of online) {
    for (const type of types) {
      const other = highest.get(type.type);
      if (!other || compareVersions(type.version, other.version) > 0) highest.set(type.type, type);
    }
  }
  return [...highest.values()];
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
