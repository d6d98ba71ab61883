import { type Clock, fullJitterMs, type Log, reconnectBackoff } from '@tenma/runtime';
import {
  type Connection,
  type ConnectionEvents,
  type ConnectionOptions,
  openConnection,
} from './connection.ts';
import { createVersionChoice, type VersionOutcome } from './protocol-version.ts';

/** Connects, and again after every end, for ever. */
export interface LastingConnection extends AsyncDisposable {
  /** The connection that is up, or undefined. */
  readonly current: Connection | undefined;
}

export interface LastingConnectionEvents extends Pick<ConnectionEvents, 'message'> {
  up(connection: Connection): void;
  /** After each `up`. */
  down(error: Error | undefined): void;
}

/** A connection that held less long counts as a failure, so that a broker that hangs up at once is not hammered. */
const stableMs = reconnectBackoff.capMs;

export function keepConnected(
  components: { clock: Clock; log: Log; random: () => number },
  options: Omit<ConnectionOptions, 'version'>,
  events: LastingConnectionEvents,
): LastingConnection {
  const { clock, log, random } = components;
  const broker = options.address.display;
  const choice = createVersionChoice();
  let dialled: Connection | undefined;
  let current: Connection | undefined;
  let pause: Disposable | undefined;
  let stopped = false;
  let retries = 0;

  function dial(): void {
    const { version } = choice;
    let upSince: number | undefined;
    const connectionOptions = { ...options, version };
    const connection = openConnection(components, connectionOptions, {
      message: events.message,
      up() {
        if (stopped) return;
        log.info({ broker, version }, 'connected to the MQTT broker');
        choice.after('accepted');
        upSince = clock.monotonic();
        current = connection;
        events.up(connection);
      },
      down(outcome, error) {
        if (stopped) return;
        choice.after(outcome);
        const stable = upSince !== undefined && clock.monotonic() - upSince >= stableMs;
        retries = stable ? 1 : retries + 1;
        const level = upSince !== undefined || retries === 1 ? 'warn' : 'debug';
        log[level]({ broker, version, outcome, err: error }, 'no connection to the MQTT broker');
        current = undefined;
        if (upSince !== undefined) events.down(error);
        pause = clock.after(pauseMs(outcome, retries, random), dial);
      },
    });
    dialled = connection;
  }

  dial();
  return {
    get current() {
      return current;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      current = undefined;
      pause?.[Symbol.dispose]();
      await dialled?.close();
    },
  };
}

/** A broker that only wants the other version is there: it need not be spared, unless it refuses both. */
function pauseMs(outcome: VersionOutcome, retries: number, random: () => number): number {
  return outcome === 'refused' && retries === 1 ? 0 : fullJitterMs(reconnectBackoff, retries, random);
}
