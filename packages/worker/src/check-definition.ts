import {
  costSchema,
  idSchema,
  rateLimitSchema,
  retryPolicySchema,
  slotsOf,
  versionSchema,
} from '@tenma/protocol';
import type { AnyWorker } from './define-worker.ts';
import { schemaFault } from './schema.ts';

const idPattern = '^[a-z0-9][a-z0-9_-]{0,62}$';

type Rule = readonly [field: keyof AnyWorker & string, fault: (worker: AnyWorker) => string | undefined];

/** Plain JavaScript defines workers too: the types say what the compiler saw, and each rule looks for itself. */
const rules: readonly Rule[] = [
  ['type', ({ type }) => unless(idSchema.safeParse(type).success, `has to match ${idPattern}`)],
  ['version', ({ version }) => unless(isVersion(version), 'has to be semantic, like 1.0.0')],
  ['timeout_ms', ({ timeout_ms }) => unless(isCount(timeout_ms), 'has to be a whole number')],
  ['input', ({ input }) => schemaFault(input)],
  ['output', ({ output }) => schemaFault(output)],
  ['progress', ({ progress }) => (progress === undefined ? undefined : schemaFault(progress))],
  ['retry', ({ retry }) => mismatchOf(retryPolicySchema.safeParse(retry))],
  ['cost', ({ cost }) => unless(isCost(cost), 'has to be light, medium, heavy, 1 to 100, or a function')],
  ['slots', slotsFault],
  ['requires', ({ requires = [] }) => unless(isLabels(requires), `has to list labels like ${idPattern}`)],
  ['limit', limitFault],
  ['isolation', ({ isolation }) => unless(isIsolation(isolation), 'has to be process or thread')],
  ['shadow', shadowFault],
  ['errors', ({ errors = [] }) => unless(isErrorClasses(errors), 'has to list classes that extend Error')],
  ['run', (worker) => unless(typeof worker.run === 'function', 'has to be a function')],
];

/** @throws TypeError naming the first field that is wrong */
export function checkDefinition(worker: AnyWorker): void {
  for (const [field, faultOf] of rules) {
    const fault = faultOf(worker);
    if (fault !== undefined) {
      throw new TypeError(`worker ${JSON.stringify(worker.type)}: ${field} ${fault}`);
    }
  }
}

function unless(holds: boolean, why: string): string | undefined {
  return holds ? undefined : why;
}

function mismatchOf(parsed: { success: boolean; error?: Error | undefined }): string | undefined {
  return parsed.success ? undefined : `does not fit: ${parsed.error?.message}`;
}

function isVersion(version: unknown): boolean {
  return versionSchema.safeParse(version).success;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function isCost(cost: unknown): boolean {
  return typeof cost === 'function' || (cost !== 'by_input' && costSchema.safeParse(cost).success);
}

/** Fewer than one attempt takes, and no attempt would ever start. */
function slotsFault({ slots, cost }: AnyWorker): string | undefined {
  if (slots === undefined) return undefined;
  if (!isCount(slots)) return 'has to be a whole number';
  const least = typeof cost === 'function' ? 1 : slotsOf(cost);
  return unless(slots >= least, `has to be at least the ${least} that one attempt takes`);
}

function limitFault({ limit }: AnyWorker): string | undefined {
  if (limit === undefined) return undefined;
  const fault = mismatchOf(rateLimitSchema.safeParse(limit));
  return fault ?? unless(Object.keys(limit).length > 0, 'has to say per_s, concurrent or both');
}

function isLabels(labels: unknown): boolean {
  return Array.isArray(labels) && labels.every((label) => idSchema.safeParse(label).success);
}

function isIsolation(isolation: unknown): boolean {
  return isolation === 'process' || isolation === 'thread';
}

function shadowFault(worker: AnyWorker): string | undefined {
  const holds = worker.shadow === undefined || typeof worker.shadow === 'function';
  return unless(holds, 'has to be a function of two outputs');
}

function isErrorClasses(classes: unknown): boolean {
  return Array.isArray(classes) && classes.every(isErrorClass);
}

function isErrorClass(value: unknown): boolean {
  return typeof value === 'function' && (value === Error || value.prototype instanceof Error);
}
