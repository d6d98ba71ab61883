import { isDeepStrictEqual } from 'node:util';
import {
  type Json,
  limits,
  type Problem,
  pointer,
  problem,
  type Submission,
  submissionSchema,
} from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { Store, TaskControl, TaskRecord } from '@tenma/store';
import type { z } from 'zod';
import type { Dispatcher } from './dispatcher.ts';
import type { Ledger } from './ledger.ts';
import { firstLife, specOf } from './lifecycle/index.ts';
import type { Metrics } from './metrics.ts';
import type { OutboxGauge } from './outbox-gauge.ts';
import type { TaskTypes } from './task-types.ts';

/** What became of one submission. `replayed`: an earlier task with the same key and body stands for it. */
export type Submitted = { control: TaskControl; replayed: boolean } | { problem: Problem };

export interface SubmitOptions {
  readonly principal: string;
  readonly traceparent: string | null;
  /** Items may be larger than a task is allowed to be: look at each. */
  readonly checkSizes: boolean;
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
  readonly outbox: OutboxGauge;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly newId: () => string;
}

export function createIntake(components: Components): Intake {
  const { store, ledger, dispatcher, types, outbox, metrics, clock, newId } = components;

  function check(item: unknown, checkSizes: boolean): Submission | Problem {
    if (checkSizes && JSON.stringify(item).length > limits.taskBytes) {
      return problem('too_large', { detail: `the task is larger than ${limits.taskBytes} bytes` });
    }
    const parsed = submissionSchema.safeParse(item);
    if (!parsed.success) return problem('invalid_request', { errors: faultsOf(parsed.error) });
    const submission = parsed.data;
    if (!types.get(submission.type)) return unknownType(submission.type, types);
    const faults = types.faults(submission.type, inputOf(submission));
    return faults.length > 0 ? problem('invalid_input', { errors: faults }) : submission;
  }

  function recordOf(submission: Submission, { principal, traceparent }: SubmitOptions): TaskRecord | Problem {
    const type = types.get(submission.type);
    if (!type) return unknownType(submission.type, types);
    const spec = specOf(submission, type, { id: newId(), now: clock.now(), principal, traceparent });
    const life = firstLife(spec, clock.now());
    if (life.expiresAt <= clock.now()) {
      const errors = [{ pointer: '#/deadline', detail: 'has passed' }];
      return problem('invalid_request', { errors });
    }
    return { spec, life: dispatcher.admit({ spec, life }), input: inputOf(submission), output: null };
  }

  async function write(records: readonly TaskRecord[]): Promise<Submitted[]> {
    const outcomes = await ledger.insert(records).catch((error: unknown) => {
      dispatcher.withdraw(records.map(({ spec }) => spec.id));
      throw error;
    });
    const inserted = records.filter((_, index) => outcomes[index]?.inserted);
    dispatcher.sendAdmitted(inserted);
    outbox.added(inserted.length);
    for (const { spec } of inserted) metrics.submitted(spec.type);
    return Promise.all(
      records.map((record, index): Submitted | Promise<Submitted> => {
        const outcome = outcomes[index];
        if (!outcome || outcome.inserted) return { control: record, replayed: false };
        dispatcher.withdraw([record.spec.id]);
        return replay(record, outcome.existing);
      }),
    );
  }

  async function replay(record: TaskRecord, existing: TaskControl): Promise<Submitted> {
    const first = await store.get(existing.spec.id);
    if (first && asksTheSame(record, first)) return { control: existing, replayed: true };
    const detail = `the key ${record.spec.idempotencyKey ?? ''} belongs to task ${existing.spec.id}, which asks for something else`;
    return { problem: problem('idempotency_conflict', { detail }) };
  }

  return {
    async submit(items, options) {
      if (outbox.full) return items.map(() => ({ problem: problem('outbox_full') }));
      const answers: (Submitted | undefined)[] = [];
      const records: TaskRecord[] = [];
      const places: number[] = [];
      for (const [index, item] of items.entries()) {
        const checked = check(item, options.checkSizes);
        const record = 'code' in checked ? checked : recordOf(checked, options);
        if ('code' in record) answers[index] = { problem: record };
        else {
          records.push(record);
          places.push(index);
        }
      }
      if (records.length > 0) {
        for (const [index, answer] of (await write(records)).entries()) answers[places[index] ?? -1] = answer;
      }
      return answers as Submitted[];
    },
  };
}

function inputOf(submission: Submission): Json {
  return submission.input === undefined ? {} : submission.input;
}

export function faultsOf(error: z.ZodError): { pointer: string; detail: string }[] {
  return error.issues
    .slice(0, 20)
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({
            pointer: pointer([...issue.path, key]),
            detail: 'is not a field of this request',
          }))
        : [{ pointer: pointer(issue.path), detail: issue.message }],
    );
}

function unknownType(type: string, types: TaskTypes): Problem {
  const known = types.all().map((known) => known.type);
  const hint =
    known.length > 0
      ? `Known types: ${known.join(', ')}.`
      : 'No worker has announced itself yet: start a WEE, or wait for the one that is starting.';
  return problem('unknown_type', { detail: `no worker has announced the task type ${type}`, hint });
}

/** Whether two tasks were asked for by the same words; what only the time of asking decides is left out. */
function asksTheSame(a: TaskRecord, b: TaskRecord): boolean {
  const words = ({ spec: { id: _, createdAt: __, traceparent: ___, ...spec }, input }: TaskRecord) => ({
    spec,
    input,
  });
  return isDeepStrictEqual(words(a), words(b));
}
