import { describe, expect, it } from 'vitest';
import { aNode, aRegion, aSnapshot, aTask, moment } from './fixture.ts';
import { renderTop, type TopView } from './render.ts';
import type { TopSnapshot } from './snapshot.ts';

const whole = { columns: Infinity, rows: Infinity };
const view = (parts: Partial<TopSnapshot> = {}, about: Partial<TopView> = {}): TopView => ({
  snapshot: aSnapshot(parts),
  api: 'http://le',
  now: moment,
  live: false,
  ...about,
});
const texts = (...given: Parameters<typeof view>) => renderTop(view(...given), whole).map(({ text }) => text);
const line = (start: string, ...given: Parameters<typeof view>) =>
  renderTop(view(...given), whole).find(({ text }) => text.startsWith(start));

describe('the screen', () => {
  it('begins with the whole at a glance, and the regions by priority', () => {
    expect(texts()).toEqual([
      'tenma top  http://le  2026-02-20T10:30:00.000Z',
      'active tokyo (epoch 7)  regions 2/2  nodes 4/4  automatic failover on',
      'last failover  none',
      '',
      'REGIONS',
      'REGION  STATUS  ACTIVE  NODES  FOR      REASON',
      'tokyo   online  ★       2/2    1 m 0 s  –',
      'oregon  online  –       2/2    1 m 0 s  –',
      '',
      'NODES  all 4 online',
      '',
      'POOLS  none',
      '',
      'RUNNING  0',
      '',
      'NOT STARTED  0',
    ]);
  });

  it.each([
    ['online', undefined],
    ['offline', 'bad'],
    ['degraded', 'warning'],
    ['unknown', 'warning'],
    ['maintenance', 'quiet'],
  ] as const)('marks a region that is %s as %s', (status, tone) => {
    const regions = [aRegion('tokyo', { status, status_reason: 'so it is\u001b[31m' })];
    expect(line('tokyo ', { regions })).toEqual({
      text: `tokyo   ${status}  –       2/2    1 m 0 s  so it is [31m`,
      tone,
    });
  });

  it('lists nodes that are not online, the worst first, with who sees what', () => {
    const observers = [{ observer: 'oregon', sees: 'down', failures: 3, at: null, reason: null } as const];
    const nodes = [
      aNode('c', { status: 'maintenance' }),
      aNode('b', { status: 'unknown' }),
      aNode('a', { observers, quarantined: true }),
    ];
    const found = texts({ nodes });
    const from = found.indexOf('NODES NOT ONLINE  3');
    expect(found.slice(from + 2, from + 5).map((text) => text.split(/ {2,}/))).toEqual([
      ['a', 'tokyo', 'offline (flaps)', '12.0 s', 'oregon: down', 'refused'],
      ['b', 'tokyo', 'unknown', '12.0 s', '–', 'refused'],
      ['c', 'tokyo', 'maintenance', '12.0 s', '–', 'refused'],
    ]);
  });

  it('lists pools by load; a full one and one that nobody serves stand out', () => {
    const pool = { type: 'echo', labels: [], region: 'tokyo', slots: 4, held: 0, queued: null, wees: ['w'] };
    const pools = [
      { ...pool, pool: 'idle', running: 0, backlog: 0 },
      { ...pool, pool: 'full', running: 4, backlog: 9 },
      { ...pool, pool: 'gone', running: 0, backlog: 3, wees: [] },
    ];
    const found = texts({ pools });
    const from = found.indexOf('POOLS') + 2;
    expect(found.slice(from, from + 3).map((text) => text.split(' ')[0])).toEqual(['full', 'gone', 'idle']);
    expect(line('full', { pools })?.tone).toBe('warning');
    expect(line('gone', { pools })?.tone).toBe('bad');
    expect(line('idle', { pools })?.tone).toBeUndefined();
  });

  it('lists tasks that run, and those that wait with the reason', () => {
    const waiting = [aTask('t2', { state: 'waiting', reason: 'no pool', started_at: null, worker: null })];
    const found = { running: [aTask('t1')], waiting };
    expect(texts(found)).toContain('RUNNING  1');
    expect(line('3.0 s', found)?.text).toMatch(/^3.0 s +echo +t1 +tokyo +1\/5 +wee-1$/);
    expect(line('waiting', found)).toEqual({
      tone: 'warning',
      text: expect.stringMatching(/^waiting +5.0 s +echo +t2 +tokyo +1\/5 +no pool$/),
    });
  });

  it('says that there are more tasks than were asked for', () => {
    const running = Array.from({ length: 100 }, (_, index) => aTask(`t${index}`));
    expect(texts({ running })).toContain('RUNNING  100 and more');
  });

  it('while LE is away keeps the last picture, with the reason and its age', () => {
    const [, , fault] = renderTop(view({}, { now: moment + 12_000, fault: 'not reachable' }), whole);
    expect(fault).toEqual({ text: '! not reachable; this is 12.0 s old', tone: 'bad' });
  });

  it('makes no row for what is beyond the window, and counts it all the same', () => {
    const made: string[] = [];
    const regions = Array.from({ length: 2_000 }, (_, index) => {
      const region = aRegion(`r${index}`, { priority: 1 });
      const get = () => (made.push(region.region_id), null);
      return Object.defineProperty(region, 'status_reason', { get });
    });
    const nodes = Array.from({ length: 200 }, (_, index) => aNode(`n${index}`));
    const status = { ...aSnapshot().status, total_nodes: 10_000, online_nodes: 1 };
    const lines = renderTop(view({ regions, nodes, status }), { columns: 80, rows: 24 });
    const found = lines.map(({ text }) => text);
    expect(lines).toHaveLength(24);
    expect(made.length).toBeLessThanOrEqual(24);
    expect(found).toContain('NODES NOT ONLINE  9999');
    const shown = (letter: string) => found.filter((text) => new RegExp(`^${letter}\\d`).test(text)).length;
    expect(found).toContain(`… ${2_000 - shown('r')} more`);
    expect(found).toContain(`… ${9_999 - shown('n')} more`);
  });

  it('fits into the window, and says how to leave it', () => {
    const running = Array.from({ length: 50 }, (_, index) => aTask(`t${index}`));
    const nodes = Array.from({ length: 50 }, (_, index) => aNode(`n${index}`));
    const lines = renderTop(view({ running, nodes }, { live: true }), { columns: 60, rows: 24 });
    expect(lines).toHaveLength(24);
    expect(lines.at(-1)?.text).toBe('q quits');
    expect(lines.filter(({ text }) => text.startsWith('… '))).toHaveLength(2);
    expect(Math.max(...lines.map(({ text }) => text.length))).toBe(60);
  });
});
