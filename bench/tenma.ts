import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '@tenma/test-support';
import type { Brokers } from './brokers.ts';
import { type NodeProcess, startNodeProcess } from './child-process.ts';
import { sharedNow } from './clock.ts';
import { type Part, processTree } from './cpu.ts';
import { startDurablePostgres } from './durable-postgres.ts';
import type { StoreKind } from './options.ts';
import { waitUntil } from './wait.ts';
import type { Workers } from './workers.ts';

/** Tenma as its users run it: LE, IC and WEE as processes of their own, on real brokers and a real store. */
export interface Tenma {
  readonly url: string;
  readonly processes: () => readonly NodeProcess[];
  /** What is measured of it; the store's server too, if it has one. */
  readonly parts: () => readonly Part[];
  /** Tasks of this LE that have ended, by the state they ended in. */
  finished(): Promise<ReadonlyMap<string, number>>;
  stopWee(): Promise<void>;
  /** Answers when that was, on the shared clock. */
  startWee(): number;
  /** Starts or stops the profilers of all its processes; nothing without `profile`. */
  profile(what: 'start' | 'stop'): Promise<void>;
}

export interface TenmaOptions {
  readonly store: StoreKind;
  readonly workers: Workers;
  readonly brokers: Brokers;
  /** For logs and the SQLite file. */
  readonly folder: string;
  /** Where its processes write CPU profiles, if they are to. */
  readonly profile: string | undefined;
}

const readyWithinMs = 60_000;

/** Resolves when LE says that it is ready, which takes a WEE. */
export async function startTenma(resources: AsyncDisposableStack, options: TenmaOptions): Promise<Tenma> {
  const { store, folder } = options;
  const postgres = store === 'postgres' ? resources.use(await startDurablePostgres()) : undefined;
  const storeUrl = postgres?.url ?? `sqlite:${join(folder, 'tenma.db')}`;
  const port = await freePort();
  const services = starters(options, { storeUrl, port });
  const le = resources.use(services.le());
  const ic = resources.use(services.ic());
  let wee: NodeProcess | undefined = services.wee();
  resources.defer(() => wee?.stop());
  const processes = () => (wee ? [le, ic, wee] : [le, ic]);
  const url = `http://127.0.0.1:${port}`;

  const ready = async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ?? false;
  const what = 'Tenma being ready';
  await waitUntil(ready, { timeoutMs: readyWithinMs, what, processes: processes() });
  return {
    url,
    processes,
    parts: () => [
      { name: 'LE', pid: le.pid, children: 'together' },
      { name: 'IC', pid: ic.pid, children: 'together' },
      ...(wee ? [{ name: 'WEE', pid: wee.pid, children: { each: 'worker' } } as const] : []),
      ...(postgres ? [{ name: 'PostgreSQL', pid: postgres.pid, children: 'together' } as const] : []),
    ],
    finished: () => finishedTasks(url),
    async stopWee() {
      await wee?.stop();
      wee = undefined;
    },
    startWee() {
      wee = services.wee();
      return sharedNow();
    },
    async profile(change) {
      if (options.profile !== undefined) await signalProfilers(processes(), change);
    },
  };
}

function starters(
  { brokers, folder, profile, workers }: TenmaOptions,
  { storeUrl, port }: { storeUrl: string; port: number },
): Record<'le' | 'ic' | 'wee', () => NodeProcess> {
  const common = {
    TENMA_AMQP_URL: brokers.amqpUrl,
    TENMA_MQTT_URL: brokers.mqttUrl,
    TENMA_LOG_LEVEL: 'warn',
    // As in the image: with gigabytes free V8 lets garbage stand, and no service needs more than this.
    NODE_OPTIONS: '--max-old-space-size=384',
    ...(profile === undefined ? {} : profileEnvironment(profile)),
  };
  const start = (service: 'le' | 'ic' | 'wee', own: Readonly<Record<string, string>>) =>
    startNodeProcess({
      name: service.toUpperCase(),
      file: new URL(`../services/${service}/src/main.ts`, import.meta.url),
      folder,
      environment: { ...common, ...own },
    });
  return {
    le: () =>
      start('le', {
        TENMA_LE_ID: 'le-bench',
        TENMA_HTTP_PORT: `${port}`,
        TENMA_STORE_URL: storeUrl,
      }),
    ic: () => start('ic', { TENMA_IC_ID: 'ic-bench' }),
    wee: () => start('wee', { TENMA_WORKERS: workers.packages }),
  };
}

function profileEnvironment(folder: string): Record<string, string> {
  const hook = new URL('./profile-hook.ts', import.meta.url).href;
  return { NODE_OPTIONS: `--import=${hook}`, BENCH_PROFILE_DIR: folder };
}

async function signalProfilers(processes: readonly NodeProcess[], change: 'start' | 'stop'): Promise<void> {
  const pids = processes.flatMap(({ pid }) => processTree(pid));
  for (const pid of pids) process.kill(pid, 'SIGUSR2');
  // Writing a profile of a minute takes some seconds.
  await pause(change === 'start' ? 500 : 10_000);
}

/** Read from its metrics: the store is asked nothing. */
async function finishedTasks(url: string): Promise<Map<string, number>> {
  const answer = await fetch(`${url}/metrics`);
  const text = await answer.text();
  const finished = new Map<string, number>();
  for (const [, state = '', count] of text.matchAll(
    /^tenma_tasks_finished_total\{.*state="(\w+)".*\} (\d+)$/gm,
  )) {
    finished.set(state, (finished.get(state) ?? 0) + Number(count));
  }
  return finished;
}
