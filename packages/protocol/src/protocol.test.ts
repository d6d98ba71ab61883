import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  assignmentSchema,
  canFollow,
  createUuidV7,
  dispatchBatchSchema,
  idSchema,
  isTerminal,
  journalBatchSchema,
  pointer,
  poolQueue,
  presenceSchema,
  problem,
  submissionSchema,
  taskIdSchema,
  taskStates,
  terminalStates,
  topics,
} from './index.ts';

describe('task states', () => {
  it('lead from every unfinished state to every end but that of work never done', () => {
    for (const state of taskStates.filter((state) => !isTerminal(state))) {
      for (const end of terminalStates) expect(canFollow(state, end)).toBe(true);
    }
  });

  it('leave an end only when it is retried by hand, and never a success', () => {
    for (const end of terminalStates) {
      expect(taskStates.filter((state) => canFollow(end, state))).toEqual(
        end === 'succeeded' ? [] : ['accepted'],
      );
    }
  });
});

describe('ids', () => {
  it('are UUIDv7 that sort by the order of making, also within one millisecond and when the clock steps back', () => {
    let now = 1_700_000_000_000;
    const newId = createUuidV7(
      () => now,
      (bytes) => bytes.fill(7),
    );
    const ids = Array.from({ length: 10_000 }, (_, index) => {
      if (index === 5_000) now -= 60_000;
      return newId();
    });
    expect(ids.every((id) => taskIdSchema.safeParse(id).success)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });

  it('never put anything into a topic or a queue name that a broker would take apart', () => {
    const id = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);
    fc.assert(
      fc.property(id, id, fc.uuid({ version: 7 }), (region, type, taskId) => {
        expect(idSchema.safeParse(region).success).toBe(true);
        expect(topics.result(region, type, taskId)).toMatch(/^[a-z0-9/_-]+$/);
        expect(poolQueue(region, type).split('.')).toHaveLength(4);
      }),
    );
    for (const bad of ['A', 'a.b', 'a/b', '+', '#', '', '-a', 'x'.repeat(64)]) {
      expect(idSchema.safeParse(bad).success).toBe(false);
    }
  });
});

describe('submissions', () => {
  it('refuse fields they do not know, and what is out of range', () => {
    const faulty = [
      { type: 'a', extra: 1 },
      { type: 'a', priority: 10 },
      { type: 'A' },
      {},
      { type: 'a', timeout_ms: 0 },
    ];
    for (const body of faulty) expect(submissionSchema.safeParse(body).success).toBe(false);
  });
});

describe('problems', () => {
  it('point at what is wrong by a JSON pointer in a fragment', () => {
    expect(pointer(['input', 'a/b', 0, '~'])).toBe('#/input/a~1b/0/~0');
  });

  it('carry the status and the remedy of the catalogue', () => {
    expect(problem('unknown_type')).toMatchObject({ status: 404, code: 'unknown_type', retryable: false });
    expect(problem('unknown_type').hint.length).toBeGreaterThan(10);
  });
});

describe('wire schemas', () => {
  it('all have a JSON Schema', () => {
    const schemas = {
      assignmentSchema,
      dispatchBatchSchema,
      journalBatchSchema,
      presenceSchema,
      submissionSchema,
    };
    for (const schema of Object.values(schemas)) expect(z.toJSONSchema(schema)).toHaveProperty('$schema');
  });
});
