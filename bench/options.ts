import { parseArgs } from 'node:util';

export const storeKinds = ['postgres', 'sqlite'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** What a task's result holds: its kibibyte of input, or nothing. */
export const resultKinds = ['echo', 'small'] as const;
export type ResultKind = (typeof resultKinds)[number];

export interface BenchOptions {
  /** Pairs of floor and Tenma, one after the other. */
  readonly rounds: number;
  /** Tasks of one throughput run. */
  readonly tasks: number;
  /** Tasks of one latency run, one at a time. */
  readonly samples: number;
  readonly stores: readonly StoreKind[];
  readonly result: ResultKind;
  /** Measure draining a backlog instead of throughput and latency. */
  readonly drain: boolean;
  /** Measure the probing of 10,000 nodes instead. */
  readonly nodes: boolean;
  /** Measure the latency matrix instead. */
  readonly matrix: boolean;
  /** Measure the way into a worker process and back instead. */
  readonly workers: boolean;
  /** How long the probing is measured. */
  readonly minutes: number;
  /** The small backlog and the large one. */
  readonly backlogs: readonly [number, number];
  /** Where the figures go; undefined: a file of its own in bench/results. */
  readonly json: string | undefined;
  /** A folder for CPU profiles of every Tenma process; they slow it down, so their figures are none. */
  readonly profile: string | undefined;
}

export const usage = `npm run bench -- [workers] [options]
  workers                    attempts a second through a pool of two processes, without brokers, instead
  --rounds 5                 pairs of floor and Tenma
  --tasks 20000              tasks of a throughput run
  --samples 300              tasks of a latency run
  --store postgres,sqlite    stores to measure
  --result echo              echo: results hold their task's input; small: they hold null
  --drain                    a backlog of 200,000 tasks against one of 20,000, instead
  --backlogs 20000,200000    other sizes for --drain
  --nodes                    10,000 nodes in 50 regions probed every 30 s by two observers each, instead
  --minutes 10               how long for --nodes
  --matrix                   the latency matrix of 10, 50 and 1,000 regions, instead
  --quick                    2 rounds of 5,000 tasks and 100 samples; backlogs of 5,000 and 20,000
  --json FILE                default: bench/results/<time>.json
  --profile DIR              CPU profiles of the Tenma processes`;

/** @throws TypeError for an unknown option or a value that is none */
export function benchOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      tasks: { type: 'string' },
      samples: { type: 'string' },
      store: { type: 'string', default: storeKinds.join(',') },
      result: { type: 'string', default: 'echo' },
      drain: { type: 'boolean', default: false },
      nodes: { type: 'boolean', default: false },
      matrix: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      backlogs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const unknown = positionals.find((word) => word !== 'workers');
  if (unknown !== undefined) throw new TypeError(`${unknown}: there is no bench of that name`);
  const { quick } = values;
  const [small = '', large = ''] = (values.backlogs ?? (quick ? '5000,20000' : '20000,200000')).split(',');
  return {
    rounds: positive('rounds', values.rounds ?? (quick ? '2' : '5')),
    tasks: positive('tasks', values.tasks ?? (quick ? '5000' : '20000')),
    samples: positive('samples', values.samples ?? (quick ? '100' : '300')),
    stores: values.store.split(',').map((text) => oneOf('store', storeKinds, text)),
    result: oneOf('result', resultKinds, values.result),
    drain: values.drain,
    nodes: values.nodes,
    matrix: values.matrix,
    workers: positionals.length > 0,
    minutes: positive('minutes', values.minutes ?? (quick ? '1' : '10')),
    backlogs: [positive('backlogs', small), positive('backlogs', large)],
    json: values.json,
    profile: values.profile,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new TypeError(`--${name}: ${text || 'nothing'} is no positive integer`);
}

function oneOf<Kind extends string>(name: string, kinds: readonly Kind[], text: string): Kind {
  const found = kinds.find((kind) => kind === text);
  if (found) return found;
  throw new TypeError(`--${name}: ${text} is none of ${kinds.join(', ')}`);
}
