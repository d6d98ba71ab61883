import { emptyFleet } from '@tenma/fleet';
import { taskError } from '@tenma/protocol';
import type { TaskControl } from '@tenma/store';
import { describe, expect, it } from 'vitest';
import { finished, queued, started, t0 } from '../lifecycle/fixture.ts';
import { taskType } from '../releases/fixture.ts';
import { explainTask } from './explain-task.ts';
import {
  around,
  candidate,
  failed,
  fleetOf,
  fresh,
  gpu,
  out,
  placement,
  presence,
  said,
  waitingFor,
  with_,
} from './fixture.ts';
import type { Surroundings } from './surroundings.ts';

interface Row {
  readonly of: string;
  readonly task: TaskControl;
  readonly around?: Partial<Surroundings>;
  readonly summary: string;
  /** Each has to be one of the lines. */
  readonly lines: readonly string[];
}

const waits: readonly Row[] = [
  {
    of: 'a task that waits for its turn',
    task: fresh({ priority: 3, cost: 20 }),
    around: { due: 4_012 },
    summary: 'It waits for its turn to be sent out among 4012 due tasks of type echo for any region.',
    lines: [
      'Higher priorities go first, then the older ones: its priority is 3; 4012 tasks of its type and region are due, it among them.',
      'It expires in 5 min if it has not started by then.',
      'It asks for 20 slots an attempt.',
    ],
  },
  {
    of: 'a task that a limit holds back',
    task: fresh({ region: 'active', limit: { key: 'acme', per_s: 5, concurrent: 2 } }),
    around: { due: null, limited: 'held back: limit key acme: 2 of 2 running' },
    summary: 'It is held back: limit key acme: 2 of 2 running.',
    lines: ['It counts for limit acme (5 starts a second, 2 at once).'],
  },
  {
    of: 'a task with a limit that nobody has judged yet',
    task: fresh({ region: 'active', limit: { key: 'acme', concurrent: 2 } }),
    around: { due: null },
    summary: 'It waits for its turn to be sent out for the active region, tokyo.',
    lines: ['No more tasks are sent out than limit acme (2 at once) allows.'],
  },
  {
    of: 'a task on its way to IC',
    task: said([]),
    summary: 'It has been sent out: it is being placed, or waits in the queue of a pool already.',
    lines: [
      'Where it stands is usually told within seconds; if nobody has told by then, it is sent once more in 28 s.',
      'It expires in 5 min if it has not started by then.',
    ],
  },
  {
    of: 'a task that was sent, and of which nobody has told in time',
    task: said([]),
    around: { now: t0 + 31_000, due: 1 },
    summary: 'It waits for its turn to be sent out among 1 due task of type echo for any region.',
    lines: ['It was sent out before, and nobody has told where it went: it is sent once more.'],
  },
  {
    of: 'a task that is due later',
    task: fresh({ runAt: t0 + 62_000 }),
    summary: `It is to run at ${new Date(t0 + 62_000).toISOString()}, in 1 min.`,
    lines: [],
  },
  {
    of: 'a task whose time has come',
    task: fresh({ runAt: t0 + 1_000 }),
    around: { due: 7 },
    summary: 'It waits for its turn to be sent out among 7 due tasks of type echo for any region.',
    lines: ['It expires in 5 min if it has not started by then.'],
  },
  {
    of: 'a task whose time has come and that was sent',
    task: out(fresh({ runAt: t0 + 1_000 })),
    summary: 'It has been sent out: it is being placed, or waits in the queue of a pool already.',
    lines: [
      'Where it stands is usually told within seconds; if nobody has told by then, it is sent once more in 30 s.',
    ],
  },
  {
    of: 'a task that waited and was sent once more',
    task: out(said([waitingFor('no_eligible_worker: wee-9 is not there')])),
    summary: 'It has been sent out once more: it is being placed, or waits in the queue of a pool already.',
    lines: ['Before, it waited: no pool can take it now (wee-9 is not there).'],
  },
  {
    of: 'a task whose next attempt was sent',
    task: out(said([queued(), started(), failed])),
    summary:
      'It has been sent out for attempt 2 of 3: it is being placed, or waits in the queue of a pool already.',
    lines: [
      'Before, attempt 1 failed: the disk is full.',
      'Its last attempt ran on wee-1 with echo 1.3.0.',
      'Where it stands is usually told within seconds; if nobody has told by then, it is sent once more in 30 s.',
    ],
  },
  {
    of: 'a task that no pool can take',
    task: said(
      [waitingFor('no_eligible_worker: london/echo-v1 lacks label ssd; tokyo/echo-v1 not in region london')],
      { requires: { labels: ['ssd'] }, majors: [1, 0] },
    ),
    summary: 'It waits: none of the pools of its type can take it now.',
    lines: [
      'Ruled out: london/echo-v1 lacks label ssd.',
      'Ruled out: tokyo/echo-v1 not in region london.',
      'Now echo is run by london/echo-v1 (version 1.2.0, label gpu).',
      'It is tried again in 10 ms, or as soon as a WEE appears that runs echo.',
      'It asks for label ssd.',
      'Its input fits majors 1 and 0 of the worker; the first that somebody runs is taken.',
    ],
  },
  {
    of: 'a task for a WEE that is gone',
    task: said([waitingFor('no_eligible_worker: wee-9 is not there')], { requires: { wee: 'wee-9' } }),
    around: { fleet: emptyFleet },
    summary: 'It waits: no pool can take it now (wee-9 is not there).',
    lines: ['No WEE that takes tasks runs echo.', 'It asks for WEE wee-9.'],
  },
  {
    of: 'a task for a version that a WEE has and does not serve',
    task: said([waitingFor('no_eligible_worker: london/echo-v1 has version 1.2.0')], {
      requires: { version: '1.1.x' },
    }),
    around: {
      fleet: fleetOf(presence({ types: [taskType('1.2.0'), taskType('1.1.0'), taskType('1.1.3')] })),
    },
    summary: 'It waits: no pool can take it now (london/echo-v1 has version 1.2.0).',
    lines: [
      'wee-1 has echo 1.1.3, but a WEE serves the stable version and the candidate only: ' +
        '`tenma worker update echo 1.1.3` puts it on trial.',
    ],
  },
  {
    of: 'a task for a region that is away',
    task: said([waitingFor('no_eligible_worker: no pool for type echo in region oregon')], {
      region: 'oregon',
    }),
    around: { statusOf: () => 'offline' },
    summary: 'It waits: no pool can take it now (no pool for type echo in region oregon).',
    lines: [
      'Region oregon is in state offline: the task is pinned there, and waits until the region is back.',
      'It asks for region oregon.',
    ],
  },
  {
    of: 'a task for the active region, which is away',
    task: said([waitingFor('stale_epoch: tokyo is no longer the active region')], { region: 'active' }),
    around: { statusOf: () => 'unknown' },
    summary: 'It waits: stale_epoch: tokyo is no longer the active region.',
    lines: [
      'Nobody hears of the nodes of region tokyo: the task stays with it until another region becomes the active one.',
    ],
  },
  {
    of: 'a task that backs off',
    task: said([queued({ placement }), started({ placement }), { ...failed, placement }]),
    around: { fleet: fleetOf(presence({ versions: [candidate] })), now: t0 + 100 },
    summary: 'It backs off after attempt 1 failed: the disk is full; attempt 2 of 3 is due in 430 ms.',
    lines: ['Its last attempt ran on wee-1 with echo 1.3.0, a candidate on trial there.'],
  },
];

const limited: readonly Row[] = [
  {
    of: 'a task whose backoff is over',
    task: said([queued(), started(), failed]),
    around: { limited: 'held back: limit of type echo, rate 5/s: next in 0.2 s' },
    summary:
      'Its backoff is over after attempt 1 failed: the disk is full; attempt 2 of 3 waits for its turn to be sent out.',
    lines: ['It is due, and held back: limit of type echo, rate 5/s: next in 0.2 s.'],
  },
];

const placed: readonly Row[] = [
  {
    of: 'a task in a queue',
    task: said([queued({ placement })], gpu),
    summary:
      'It has stood in the queue of pool london/echo-v1 for 2 s; it starts when a worker there has room.',
    lines: [
      'It keeps its place there: when it is looked at again, in 28 s, it is sent out once more only if nobody takes ' +
        'tasks from that queue any more, or has taken much younger ones instead.',
      'Chosen with a score of 19.3 ms, where lower is better: 7.3 ms of expected wait + 12 ms of round trip to dublin.',
      'Passed over: dublin/echo-v1 could have run it, with a score of 102 ms.',
      'Ruled out: tokyo/echo-v1 lacks label gpu.',
      'Now london/echo-v1 (wee-1) has 299 of 300 slots taken and 10 tasks in hand; an attempt takes about 20 ms.',
      'It asks for label gpu, a short way to dublin.',
    ],
  },
  {
    of: 'a task in the queue of a WEE that drains',
    task: said([queued({ placement: { ...placement, wee: 'wee-1', rejected: [] } })]),
    around: { fleet: fleetOf(presence({ status: 'draining' }), presence({ wee_id: 'wee-2' })) },
    summary:
      'It has stood in the queue of wee-1 of pool london/echo-v1 for 2 s; nobody takes tasks from it now.',
    lines: [
      'There was no other pool to choose from.',
      'wee-1 is draining: the task is placed anew when that is certain.',
    ],
  },
  {
    of: 'a task in a pool that is gone, and in a region that was degraded',
    task: said([
      queued({
        placement: {
          ...placement,
          score: 1_000,
          parts: { wait_ms: 0, round_trip_ms: null, penalty_ms: 1_000 },
        },
      }),
    ]),
    around: { fleet: emptyFleet },
    summary: 'It has stood in the queue of pool london/echo-v1 for 2 s; nobody takes tasks from it now.',
    lines: [
      'Chosen with a score of 1000 ms, where lower is better: 0 ms of expected wait + 1000 ms because region london is degraded.',
      'No WEE serves london/echo-v1 any more: the task is placed anew when that is certain.',
    ],
  },
  {
    of: 'a task that runs',
    task: said([queued({ placement }), started({ placement })]),
    summary: 'Attempt 1 of 3 has been running on wee-1 of pool london/echo-v1 for 2 s.',
    lines: [
      'Passed over: dublin/echo-v1 could have run it, with a score of 102 ms.',
      'An attempt may take 1 min; the task ends in 15 min at the latest.',
    ],
  },
  {
    of: 'a task that runs and has been asked to stop',
    task: with_(said([queued(), started()]), { cancelRequested: true }),
    summary: 'Attempt 1 of 3 has been running on wee-1 of pool here/echo-v1 for 2 s.',
    lines: ['It has been asked to stop.'],
  },
  {
    of: 'a task in a queue that the broker has lost',
    task: with_(said([queued({ placement })]), { dueAt: t0 + 2_000 }),
    summary: 'It stood in the queue of pool london/echo-v1, which the broker has lost.',
    lines: ['It is sent out once more now, because the broker has lost its queues.'],
  },
  {
    of: 'a task that was sent again while it runs',
    task: out(said([queued({ placement }), started({ placement })])),
    summary: 'Attempt 1 of 3 has been running on wee-1 of pool london/echo-v1 for 2 s.',
    lines: ['It has been sent out once more, because the broker has lost its queues.'],
  },
  {
    of: 'a task whose first attempt is to try another major',
    task: said([queued({ placement })], { majors: [1, 2], trialMajor: 2 }),
    summary:
      'It has stood in the queue of pool london/echo-v1 for 2 s; it starts when a worker there has room.',
    lines: [
      'Its input fits majors 1 and 2 of the worker; the first that somebody runs is taken, but its first attempt is ' +
        'to try major 2, which was on trial when the task came.',
    ],
  },
];

const ends: readonly Row[] = [
  {
    of: 'a task that succeeded',
    task: said([queued(), started(), finished({ version: '1.2.0', placement, at: t0 + 1_520 })]),
    summary: 'It succeeded in 1.5 s, in attempt 1 of 3.',
    lines: [
      'Its last attempt ran on wee-1 with echo 1.2.0.',
      'Passed over: dublin/echo-v1 could have run it, with a score of 102 ms.',
    ],
  },
  {
    of: 'a task that failed in its last attempt',
    task: said([queued(), started(), failed], {
      retry: { max_attempts: 1, initial_ms: 0, factor: 1, cap_ms: 0 },
    }),
    summary: 'It failed in attempt 1 of 1 with worker_error: the disk is full.',
    lines: ['That was its last attempt.', 'Its last attempt ran on wee-1 with echo 1.3.0.'],
  },
  {
    of: 'a task that was cancelled before it started',
    task: with_(said([queued()]), {
      state: 'cancelled',
      error: taskError('cancelled', 'cancelled on request'),
      finishedAt: t0 + 500,
    }),
    summary: 'It was cancelled 1.5 s ago: cancelled on request.',
    lines: ['It had not started.'],
  },
  {
    of: 'a task that expired between two attempts',
    task: with_(said([queued(), started(), failed]), {
      state: 'expired',
      error: taskError('deadline_exceeded', 'the task did not finish in its time'),
      finishedAt: t0 + 2_000,
    }),
    summary: 'It expired 0 ms ago: the task did not finish in its time.',
    lines: ['It had started 1 attempt.', 'Its last attempt ran on wee-1 with echo 1.3.0.'],
  },
];

describe.each([
  ['why not yet', waits],
  ['that a limit holds back', limited],
  ['why here', placed],
  ['how it ended', ends],
])('an explanation tells %s', (_, rows) => {
  it.each(rows)('of $of', (row) => {
    const { summary, lines } = explainTask(row.task, { ...around, ...row.around });
    expect(summary).toBe(row.summary);
    for (const line of row.lines) expect(lines).toContain(line);
  });
});

it.each([
  ['served, and something else is in the way', '^1.2'],
  ['not there', '^3'],
])('of a version that is %s it is not said that it is idle', (_, version) => {
  const task = said([waitingFor('no_eligible_worker: london/echo-v1 is full')], { requires: { version } });
  const fleet = fleetOf(presence({ types: [taskType('1.2.0'), taskType('1.3.0')] }));
  expect(explainTask(task, { ...around, fleet }).lines.join('\n')).not.toContain('worker update');
});

it('every state is explained by one of the rows, and no line says what is not there', () => {
  const states = new Set([...waits, ...limited, ...placed, ...ends].map(({ task }) => task.life.state));
  expect([...states].sort()).toEqual([
    'accepted',
    'cancelled',
    'expired',
    'failed',
    'queued',
    'retrying',
    'running',
    'scheduled',
    'succeeded',
    'waiting',
  ]);
  for (const row of [...waits, ...limited, ...placed, ...ends]) {
    const { summary, lines } = explainTask(row.task, { ...around, ...row.around });
    for (const line of [summary, ...lines]) expect(line).not.toMatch(/undefined|null|NaN|\.\.$/);
  }
});
