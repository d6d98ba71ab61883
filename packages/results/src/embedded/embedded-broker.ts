import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Log } from '@tenma/runtime';
import { Aedes } from 'aedes';
import type { Results } from '../results.ts';
import { maxTopicLevels } from '../topic.ts';
import { admission } from './admission.ts';
import { createDistribution } from './distribution.ts';
import { createInProcessResults } from './in-process-results.ts';
import { listen } from './listen.ts';
import { guardPacketSize } from './packet-size-guard.ts';
import { createWebSockets } from './websocket.ts';

export interface EmbeddedBrokerOptions {
  /** Default: loopback. Anybody who reaches the port may read everything below `tenma/v1/`. */
  host?: string;
  /** 0 takes any free one. */
  port: number;
  /** Nobody asked for this port: when it is taken, one of the next twenty will do. Default false. */
  portIsDefault?: boolean;
  /** How long a subscriber outside may read nothing before it is cut off; so long can it hold announcers back. */
  drainTimeoutMs?: number;
}

/** An MQTT 3.1.1 broker in this process: full for components of this process, read-only for clients from outside. */
export interface EmbeddedBroker extends AsyncDisposable {
  /** On which it listens. */
  readonly port: number;
  /** A component's own place at the broker; closed with the broker, or before. A will has no meaning here. */
  results(): Results;
  /**
   * Carries MQTT over WebSocket on `path` of an HTTP server of this process, for pages of the same host and for programs.
   * Ends with the handle or the broker.
   */
  attachWebSocket(server: HttpServer, path: string): Disposable;
}

/** Below the default timeout of announce, so that a frozen subscriber delays announcements and fails none. */
const defaultDrainTimeoutMs = 3_000;
const maxConnections = 1_000;
/** Clients from outside send CONNECT, SUBSCRIBE, acknowledgements and pings. */
const maxPacketBytes = 64 * 1024;

/** @throws Error when the port is taken */
export async function createEmbeddedBroker(
  { clock, log }: { clock: Clock; log: Log },
  options: EmbeddedBrokerOptions,
): Promise<EmbeddedBroker> {
  const { host = '127.0.0.1', port, portIsDefault = false, drainTimeoutMs = defaultDrainTimeoutMs } = options;
  const broker = await startBroker(log, drainTimeoutMs);
  const connections = new Set<Duplex>();
  const accept = (connection: Duplex, request?: IncomingMessage) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    guardPacketSize(connection, maxPacketBytes);
    broker.handle(connection, request);
  };
  const server = createServer({ noDelay: true }, (socket: Socket) => accept(socket));
  server.maxConnections = maxConnections;
  const webSockets = createWebSockets(accept, { maxPacketBytes });
  const actualPort = await listen(server, { host, port, portIsDefault }).catch(async (error: unknown) => {
    await closeBroker(broker);
    throw error;
  });
  server.on('error', (error) => log.error({ err: error }, 'MQTT listener'));

  const distribution = createDistribution(broker);
  const components = new Set<Results>();
  return {
    port: actualPort,
    results() {
      const results = createInProcessResults({ clock, log, distribution });
      components.add(results);
      results.onStatus(() => components.delete(results));
      return results;
    },
    attachWebSocket: (httpServer, path) => webSockets.attach(httpServer, path),
    async [Symbol.asyncDispose]() {
      for (const results of components) await results[Symbol.asyncDispose]();
      const stopped = stopListening(server);
      await closeBroker(broker);
      for (const connection of connections) connection.destroy();
      await webSockets[Symbol.asyncDispose]();
      await stopped;
    },
  };
}

/**
 * `concurrency: 0` lets messages pass each other's deliveries: with aedes' default of 100, so many messages to one frozen
 * subscriber stop the whole broker.
 */
async function startBroker(log: Log, drainTimeoutMs: number): Promise<Aedes> {
  const broker = await Aedes.createBroker({
    ...admission(log),
    concurrency: 0,
    drainTimeout: drainTimeoutMs,
    connectTimeout: 5_000,
    keepaliveLimit: 600,
    queueLimit: 42,
    maxInflightInbound: 10,
    maxTopicLevels,
  });
  broker.on('clientError', (client, error) => log.debug({ client: client.id, err: error }, 'MQTT client'));
  broker.on('connectionError', (_client, error) => log.debug({ err: error }, 'MQTT connection'));
  // Not in aedes' types: faults of its persistence and its clean-up, which must not end the process.
  const untyped: NodeJS.EventEmitter = broker;
  untyped.on('error', (error: unknown) => log.error({ err: error }, 'MQTT broker'));
  return broker;
}

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => broker.close(() => resolve()));
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
