import { createConnection, type Socket } from 'node:net';
import type { Message } from '@tenma/results';
import { type ManualClock, manualClock } from '@tenma/runtime';
import { StoreUnavailableError, type TaskRecord } from '@tenma/store';
import { after, finished, queued, started, t0 } from '../lifecycle/fixture.ts';
import { createTaskWatch, type TaskWatch } from '../watch.ts';
import { buildApp } from './app.ts';
import type { HttpComponents } from './components.ts';
import type { App } from './server.ts';

const recordAfter = (
  events: Parameters<typeof after>[0],
  output: TaskRecord['output'] = null,
): TaskRecord => ({
  ...after(events),
  input: null,
  output,
});

export const runningTask = recordAfter([queued(), started()]);
export const endedTask = recordAfter([queued(), started(), finished()], 42);
export const taskId = runningTask.spec.id;
export const eventsPath = `/api/v1/tasks/${taskId}/events`;

/** A store of one task, the means to make it fail or hesitate, and counts of what is left open. */
export interface Fakes {
  readonly clock: ManualClock;
  readonly watch: TaskWatch;
  task: TaskRecord | null;
  /** Runs before the store answers. */
  beforeGet: () => void | Promise<void>;
  /** Runs before a subscription is made. */
  beforeSubscribe: () => void | Promise<void>;
  readonly progress: Set<(message: Message) => void>;
  readonly watching: Set<unknown>;
  /** How often a subscription or a listener was made. */
  opened: number;
  readonly logged: { fields: Record<string, unknown>; message: string }[];
  readonly components: HttpComponents;
}

export function createFakes(): Fakes {
  const clock = manualClock(t0);
  const watch = createTaskWatch();
  const fakes: Omit<Fakes, 'components'> = {
    clock,
    watch,
    task: runningTask,
    beforeGet: () => {},
    beforeSubscribe: () => {},
    progress: new Set(),
    watching: new Set(),
    opened: 0,
    logged: [],
  };
  const store = {
    async get() {
      await fakes.beforeGet();
      return fakes.task;
    },
    list: () => Promise.resolve({ items: [], next: null }),
  };
  const results = {
    async subscribe(_: string, handler: (message: Message) => void) {
      await fakes.beforeSubscribe();
      fakes.opened += 1;
      fakes.progress.add(handler);
      return { [Symbol.asyncDispose]: () => Promise.resolve(void fakes.progress.delete(handler)) };
    },
  };
  const countedWatch: TaskWatch = {
    ...watch,
    on(id, listener) {
      const listening = watch.on(id, listener);
      fakes.opened += 1;
      fakes.watching.add(listening);
      return {
        [Symbol.dispose]() {
          fakes.watching.delete(listening);
          listening[Symbol.dispose]();
        },
      };
    },
  };
  const log = {
    debug: () => {},
    error: (fields: Record<string, unknown>, message: string) => fakes.logged.push({ fields, message }),
  };
  const components = { store, results, watch: countedWatch, clock, log, leId: 'le-test' };
  return Object.assign(fakes, { components: components as unknown as HttpComponents });
}

export const storeAway = (): never => {
  throw new StoreUnavailableError('the store is away');
};

interface Served extends AsyncDisposable {
  readonly app: App;
  readonly url: string;
  /** Sends a GET; `text` is what has come so far. */
  get(path: string): { socket: Socket; text: () => string };
}

/** The app on a free port, over the fakes. */
export async function serve(fakes: Fakes): Promise<Served> {
  const app = await buildApp(fakes.components);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    app,
    url,
    get(path) {
      const socket = createConnection({ host: '127.0.0.1', port: Number(new URL(url).port) });
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (part) => (text += part.toString()));
      socket.write(`GET ${path} HTTP/1.1\r\nhost: le\r\n\r\n`);
      return { socket, text: () => text };
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
