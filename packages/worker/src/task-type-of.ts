import type { TaskType } from '@tenma/protocol';
import type { AnyWorker } from './define-worker.ts';
import { jsonSchemaOf } from './schema.ts';

/**
 * What a WEE announces of a worker. The input schema is of what callers write, the output schema of what they get.
 * @throws TypeError when a schema has no JSON Schema form.
 */
export function taskTypeOf(worker: AnyWorker): TaskType {
  return {
    type: worker.type,
    version: worker.version,
    description: worker.description,
    input_schema: documentOf(worker, 'input'),
    output_schema: documentOf(worker, 'output'),
    timeout_ms: worker.timeout_ms,
    retry: worker.retry,
    cost: typeof worker.cost === 'function' ? 'by_input' : worker.cost,
    ...(worker.slots === undefined ? {} : { slots: worker.slots }),
    ...(worker.requires === undefined ? {} : { requires: [...worker.requires] }),
    ...(worker.limit === undefined ? {} : { limit: worker.limit }),
    ...(worker.isolation === 'thread' ? { isolation: worker.isolation } : {}),
    ...(worker.shadow === undefined ? {} : { shadow: true }),
    ...(worker.example === undefined ? {} : { example: worker.example }),
  };
}

function documentOf(worker: AnyWorker, side: 'input' | 'output'): Record<string, unknown> {
  try {
    return jsonSchemaOf(worker[side], side);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`worker "${worker.type}": ${side} has no JSON Schema: ${why}`, { cause });
  }
}
