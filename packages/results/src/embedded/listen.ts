import type { Server } from 'node:net';

export interface ListenOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** Nobody asked for this port: when it is taken, one of the next will do. */
  portIsDefault: boolean;
}

/** How many ports above a default one are tried. */
const alternatives = 20;

/**
 * Listens and resolves to the port.
 * @throws Error that says what to do when the port is taken
 */
export async function listen(server: Server, { host, port, portIsDefault }: ListenOptions): Promise<number> {
  const last = portIsDefault && port !== 0 ? Math.min(port + alternatives, 65_535) : port;
  for (let candidate = port; candidate <= last; candidate += 1) {
    if (await tryPort(server, host, candidate)) {
      const address = server.address();
      return typeof address === 'object' && address ? address.port : candidate;
    }
  }
  const taken = last === port ? `port ${port} on ${host} is` : `ports ${port} to ${last} on ${host} are`;
  throw new Error(`MQTT: ${taken} taken; stop what listens there or set another port (TENMA_MQTT_PORT)`);
}

function tryPort(server: Server, host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening);
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    const onListening = () => {
      server.off('error', onError);
      resolve(true);
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen(port, host);
  });
}
