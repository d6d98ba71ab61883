import { failoverTaskInputSchema, limits, type NodeStatus, submissionSchema } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { isoAt, node, settings, startMs } from '../observe/fixtures/region-documents.ts';
import { failoverTask, failoverTotalMs, regionLeftBy } from './failover-input.ts';

const pace = { ...settings.pace, confirmTimeoutMs: 3_000 };
const task = submissionSchema.parse({ type: 'region-failover', input: { from_region: 'tokyo' } });
const seen = (id: string, status: NodeStatus, changes = {}) => ({
  node: node(id, 'tokyo', changes).value,
  status,
});
const made = (nodes: ReturnType<typeof seen>[], own = task) =>
  submissionSchema.parse(failoverTask(own, { nodes, offlineSince: isoAt(startMs), region: 'dublin' }, pace));
const inputOf = (submission: { input?: unknown }) => failoverTaskInputSchema.parse(submission.input);
const lostOf = (submission: { input?: unknown }) => inputOf(submission).lost.map(({ node_id: id }) => id);

describe('a region-failover, as a policy submits it', () => {
  it('goes to who is to confirm it, first, once, and has ended soon even without a worker', () => {
    expect(made([])).toMatchObject({
      region: 'dublin',
      priority: 9,
      retry: { max_attempts: 1 },
      queue_timeout_ms: 2_000,
      total_timeout_ms: 9_000,
    });
    expect(failoverTotalMs(task.input, pace)).toBe(9_000);
  });

  it('names the probes that confirm the loss, and since when the region is lost', () => {
    const input = inputOf(made([seen('a', 'offline')]));
    expect(input).toMatchObject({ detected_at: isoAt(startMs), confirm_timeout_ms: 3_000 });
    expect(input.lost[0]).toMatchObject({ node_id: 'a', probe_type: 'probe-http' });
    expect(input.lost[0]?.probe_input['timeout_ms']).toBe(3_000);
  });

  it('asks those that are offline first, and never more than 50', () => {
    const many = Array.from({ length: 60 }, (_, n) => seen(`n-${n}`, n % 2 === 0 ? 'online' : 'offline'));
    const lost = lostOf(made(many));
    expect(lost).toHaveLength(50);
    expect(lost.slice(0, 30).every((id) => Number(id.slice(2)) % 2 === 1)).toBe(true);
    expect(lostOf(made(many.toReversed()))).toEqual(lost);
  });

  it.each([
    ['letters', 'x', 20_000],
    ['characters of three bytes', '駅', 8_000],
    ['characters that are escaped', '\u0001', 4_000],
    ['numbers with many digits', 1 / 3, 1_500],
  ])('stays a task that is accepted with 50 large inputs: %s', (_, one, times) => {
    const probe = { type: 'probe-tape', input: { all: Array.from({ length: times }, () => one) } };
    const many = Array.from({ length: 50 }, (_, n) =>
      seen(`n-${n}`, n % 2 === 0 ? 'online' : 'offline', { probe }),
    );
    const task = made(many);
    expect(Buffer.byteLength(JSON.stringify(task))).toBeLessThan(limits.taskBytes);
    const lost = lostOf(task);
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.every((id) => Number(id.slice(2)) % 2 === 1)).toBe(true);
  });

  it('does not let the small ones that are up speak for the large ones that are down', () => {
    const large = { probe: { input: { url: 'http://127.0.0.1/', body: 'x'.repeat(200_000) } } };
    const nodes = [
      seen('a', 'offline'),
      seen('b', 'offline', large),
      seen('c', 'online'),
      seen('d', 'online'),
    ];
    expect(lostOf(made(nodes))).toEqual(['a']);
  });

  it('leaves out nodes that are not probed', () => {
    expect(lostOf(made([seen('a', 'unknown', { probe: { enabled: false } }), seen('b', 'offline')]))).toEqual(
      ['b'],
    );
  });

  it('lets the input of the policy stand', () => {
    const own = {
      ...task,
      input: { from_region: 'tokyo', lost: [], confirm_timeout_ms: 500, dry_run: true },
    };
    const submitted = made([seen('a', 'offline')], own);
    expect(inputOf(submitted)).toMatchObject({ lost: [], confirm_timeout_ms: 500, dry_run: true });
    expect(submitted.total_timeout_ms).toBe(6_500);
  });

  it('of no region, or of no text as region, is left to the check of its input', () => {
    expect(regionLeftBy({ from_region: 'tokyo' })).toBe('tokyo');
    for (const input of [undefined, null, [], 'tokyo', {}, { from_region: 7 }]) {
      expect(regionLeftBy(input)).toBeNull();
    }
  });
});
