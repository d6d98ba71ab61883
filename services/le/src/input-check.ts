import { type Json, pointer, roughJsonBytes, type TaskType } from '@tenma/protocol';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';

/** `detail` of what is wrong at a JSON pointer of the submission. */
export interface InputFault {
  readonly pointer: string;
  readonly detail: string;
}

/** Compares inputs with the schema of a type. */
export interface InputCheck {
  accepts(input: Json): boolean;
  /** Empty when it is right. */
  faults(input: Json): InputFault[];
}

/** Naming every fault of an input larger than this could hold up everybody else: then only the first is named. */
const thoroughBytes = 8 * 1024;
const faultsMax = 20;

/** Two checks of one schema, compiled at first use: the quick one decides, the thorough one names every fault. */
export function createInputCheck(schema: TaskType['input_schema']): InputCheck {
  const options = { strict: false, validateFormats: false };
  let quick: ValidateFunction | undefined;
  let thorough: ValidateFunction | undefined;

  function accepts(input: Json): boolean {
    quick ??= new Ajv2020(options).compile(schema);
    return quick(input);
  }

  return {
    accepts,
    faults(input) {
      if (accepts(input)) return [];
      if (roughJsonBytes(input) > thoroughBytes) return (quick?.errors ?? []).map(fault);
      thorough ??= new Ajv2020({ ...options, allErrors: true }).compile(schema);
      thorough(input);
      return (thorough.errors ?? []).slice(0, faultsMax).map(fault);
    },
  };
}

function fault(error: ErrorObject): InputFault {
  const missing = error.keyword === 'required' ? [String(error.params['missingProperty'])] : [];
  const extra = error.keyword === 'additionalProperties' ? [String(error.params['additionalProperty'])] : [];
  const path = error.instancePath.split('/').slice(1).map(unescapePointer);
  const detail = extra.length > 0 ? 'is not a field of this input' : (error.message ?? 'is not valid');
  return { pointer: pointer(['input', ...path, ...missing, ...extra]), detail };
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
