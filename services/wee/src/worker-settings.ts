import { idSchema } from '@tenma/protocol';
import type { Environment } from '@tenma/runtime';
import { z } from 'zod';
import type { GroupOptions } from './processes/interfaces.ts';

const workersDirectory = z
  .string()
  .optional()
  .describe(
    'A folder of worker packages, `TYPE/VERSION/` such as `resize/1.0.0/`, watched: a version that appears is tried and takes over while the WEE runs. Default: none.',
  );

const count = z.coerce.number().int().min(1).max(256);

const processesOfType = count
  .default(2)
  .describe('Worker processes of a version of a task type, at most; started when there is work.');

const processesByType = z
  .string()
  .default('')
  .transform((text, context) => {
    const pools: Record<string, GroupOptions> = {};
    for (const item of text.split(',').map((each) => each.trim())) {
      if (item === '') continue;
      const [, type = '', min = '', max = ''] = /^([^=]+)=(\d+)\.\.(\d+)$/.exec(item) ?? [];
      const bounds = { min: Number(min), max: Number(max) };
      const fault = idSchema.safeParse(type).success
        ? faultOfBounds(type, bounds)
        : 'is not of the form TYPE=MIN..MAX, such as crunch=1..4';
      if (fault !== null) {
        context.addIssue({ code: 'custom', message: `${item}: ${fault}` });
        return z.NEVER;
      }
      pools[type] = bounds;
    }
    return pools;
  })
  .describe(
    'Types with other bounds: `crunch=1..4,probe-http=1..2`; the first number stands ready at all times. Default: `0..` `TENMA_PROCESSES`.',
  );

/** What is wrong with them, and what to write instead. */
function faultOfBounds(type: string, { min, max }: GroupOptions): string | null {
  if (max < 1) return `at least one process is needed: ${type}=0..1`;
  if (min <= max) return null;
  return `MIN (ready at all times) is above MAX (at most), write ${type}=${max}..${min}`;
}

const slotsOfPool = z.coerce
  .number()
  .int()
  .min(1)
  .max(25_600)
  .optional()
  .describe(
    'Slots that the attempts of a pool may take at once; a light attempt takes 1, a medium one 10, a heavy one 100. Default: 100 a process.',
  );

const sparesInStock = z.coerce
  .number()
  .int()
  .min(0)
  .max(64)
  .default(1)
  .describe('Processes in reserve, for a pool that begins, grows or heals.');

const workerHeapMb = z.coerce
  .number()
  .int()
  .min(32)
  .default(256)
  .describe('JavaScript heap of a worker process in MiB; one that needs more dies alone.');

const workerMemoryMb = z.coerce
  .number()
  .int()
  .min(64)
  .default(512)
  .describe('Memory of a worker process in MiB, buffers included; one that uses more is killed.');

/** Settings of worker processes, the same wherever a WEE runs. */
export const workerFields = {
  WORKERS_DIR: workersDirectory,
  PROCESSES: processesOfType,
  POOLS: processesByType,
  SLOTS: slotsOfPool,
  SPARES: sparesInStock,
  WORKER_HEAP_MB: workerHeapMb,
  WORKER_MEMORY_MB: workerMemoryMb,
};

interface WorkerSettings {
  readonly WORKERS_DIR?: string | undefined;
  readonly PROCESSES: number;
  readonly POOLS: Readonly<Record<string, GroupOptions>>;
  readonly SLOTS?: number | undefined;
  readonly SPARES: number;
  readonly WORKER_HEAP_MB: number;
  readonly WORKER_MEMORY_MB: number;
}

/** The settings as a WEE takes them. */
export function workerOptions(config: WorkerSettings) {
  return {
    directory: config.WORKERS_DIR,
    processes: config.PROCESSES,
    pools: config.POOLS,
    slots: config.SLOTS,
    spares: config.SPARES,
    heapMb: config.WORKER_HEAP_MB,
    memoryMb: config.WORKER_MEMORY_MB,
  };
}

/** The environment without Tenma's own settings, which hold passwords. */
export function workerEnvironment(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('TENMA_')));
}
