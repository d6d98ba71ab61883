import {
  isDeeperThan,
  type Json,
  limits,
  type Problem,
  pointer,
  problem,
  type Submission,
  submissionSchema,
} from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { Store, TaskControl, TaskRecord, TaskSpec } from '@tenma/store';
import type { z } from 'zod';
import type { Dispatcher } from './dispatcher.ts';
import type { DocumentCache } from './documents/document-cache.ts';
import { unknownRegion } from './geo/known-regions.ts';
import type { Ledger } from './ledger.ts';
import { asksTheSame, firstLife, specOf } from './lifecycle/index.ts';
import type { Metrics } from './metrics.ts';
import type { OutboxGauge } from './outbox-gauge.ts';
import type { TaskTypes } from './task-types.ts';
import { unknownType } from './unknown-type.ts';

/** What became of one submission. `replayed`: an earlier task with the same key and body stands for it. */
export type Submitted = { control: TaskControl; replayed: boolean } | { problem: Problem };

export interface SubmitOptions {
  readonly principal: string;
  readonly traceparent: string | null;
  /** Items may be larger than a task is allowed to be: look at each. */
  readonly checkSizes: boolean;
  /** What a full outbox must not keep out: what looks after regions. */
  readonly evenWhenFull?: boolean;
}

/** The way in: checks submissions, writes them down, and sends them off. Answers stand in the order asked. */
export interface Intake {
  submit(items: readonly unknown[], options: SubmitOptions): Promise<Submitted[]>;
}

interface Components {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly dispatcher: Dispatcher;
  readonly types: TaskTypes;
  readonly documents: DocumentCache;
  /** Whether it is registered, or a WEE is there. */
  readonly knowsRegion: (region: string) => boolean;
  readonly outbox: OutboxGauge;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly newId: () => string;
}

export function createIntake(components: Components): Intake {
  return {
    async submit(items, options) {
      if (components.outbox.full && !options.evenWhenFull)
        return items.map(() => ({ problem: problem('outbox_full') }));
      const judged = items.map((item) => judge(components, item, options));
      const wanted = judged.filter((one): one is Wanted => !isProblem(one));
      const written = wanted.length > 0 ? await write(components, wanted) : [];
      let next = 0;
      return judged.map((one) => (isProblem(one) ? { problem: one } : (written[next++] as Submitted)));
    },
  };
}

/** A submission that is right, and the record to be written for it. */
interface Wanted {
  readonly submission: Submission;
  readonly record: TaskRecord;
}

function isProblem(judged: Wanted | Problem): judged is Problem {
  return 'code' in judged;
}

/** The record of a submission that is right, or what is wrong with it. */
function judge(components: Components, item: unknown, options: SubmitOptions): Wanted | Problem {
  const { types, documents, clock, newId } = components;
  if (isDeeperThan(item as Json, limits.jsonDepth)) {
    const detail = `is nested deeper than ${limits.jsonDepth} levels`;
    return problem('invalid_request', { errors: [{ pointer: '#/input', detail }] });
  }
  if (options.checkSizes && Buffer.byteLength(JSON.stringify(item)) > limits.taskBytes) {
    return problem('too_large', { detail: `the task is larger than ${limits.taskBytes} bytes` });
  }
  const parsed = submissionSchema.safeParse(item);
  if (!parsed.success) return problem('invalid_request', { errors: faultsOf(parsed.error) });
  const submission = parsed.data;
  if (!types.get(submission.type)) return unknownType(types, submission.type);
  for (const field of ['region', 'near'] as const) {
    const region = submission[field];
    if (region === undefined || isKnown(components, region)) continue;
    const refusal = unknownRegion(documents, region);
    return { ...refusal, errors: [{ pointer: `#/${field}`, detail: refusal.detail }] };
  }
  const input = submission.input === undefined ? {} : submission.input;
  const judged = types.judge(submission.type, input);
  if ('faults' in judged) return problem('invalid_input', { errors: judged.faults });
  const { type, majors, trialMajor } = judged;
  const { principal, traceparent } = options;
  const now = clock.now();
  const asked = specOf(submission, type, { id: newId(), now, principal, traceparent, majors });
  const spec = trialMajor !== undefined && canFollowTrial(asked) ? { ...asked, trialMajor } : asked;
  const life = firstLife(spec, now);
  if (life.expiresAt <= now) {
    return problem('invalid_request', { errors: [{ pointer: '#/deadline', detail: 'has passed' }] });
  }
  return { submission, record: { spec, life, input, output: null } };
}

/** A trial costs an attempt when it fails: another one has to be left. */
function canFollowTrial({ retry }: TaskSpec): boolean {
  return retry.max_attempts > 1;
}

/** Until the store has been read nobody can tell: then the region is taken as it is. */
function isKnown({ documents, knowsRegion }: Components, region: string): boolean {
  return region === 'active' || region === 'any' || !documents.loaded || knowsRegion(region);
}

async function write(components: Components, wanted: readonly Wanted[]): Promise<Submitted[]> {
  const { ledger, dispatcher, outbox, metrics } = components;
  const records = wanted.map(({ record }) => ({ ...record, life: dispatcher.admit(record) }));
  const outcomes = await ledger.insert(records).catch((error: unknown) => {
    dispatcher.withdraw(records.map(({ spec }) => spec.id));
    throw error;
  });
  const inserted = records.filter((_, index) => outcomes[index]?.inserted);
  dispatcher.sendAdmitted(inserted);
  outbox.added(inserted.length);
  for (const { spec } of inserted) metrics.submitted(spec.type);
  const answers: Submitted[] = [];
  for (const [index, one] of wanted.entries()) {
    const outcome = outcomes[index];
    const control = records[index] ?? one.record;
    if (!outcome || outcome.inserted) answers.push({ control, replayed: false });
    else answers.push(await replay(components, one, outcome.existing));
  }
  return answers;
}

/** An earlier task has the same key: it stands for this one if it asks for the same. */
async function replay(
  { store, dispatcher }: Components,
  { submission, record }: Wanted,
  existing: TaskControl,
): Promise<Submitted> {
  dispatcher.withdraw([record.spec.id]);
  const first = await store.get(existing.spec.id);
  if (first && asksTheSame(submission, record.input, first)) return { control: existing, replayed: true };
  const key = record.spec.idempotencyKey ?? '';
  const detail = `the key ${key} belongs to task ${existing.spec.id}, which asks for something else`;
  return { problem: problem('idempotency_conflict', { detail }) };
}

function faultsOf(error: z.ZodError): { pointer: string; detail: string }[] {
  return error.issues.slice(0, 20).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          pointer: pointer([...issue.path, key]),
          detail: 'is not a field of this request',
        }))
      : [{ pointer: pointer(issue.path), detail: issue.message }],
  );
}
