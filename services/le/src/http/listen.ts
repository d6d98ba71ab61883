import { ConfigError } from '@tenma/runtime';
import type { App } from './server.ts';

const portsTried = 20;

/**
 * Listens on the port, or on the next free one when the user did not name it. Returns the port taken.
 * @throws when a port that the user named is taken
 */
export async function listen(
  app: App,
  { host, port, portIsDefault }: { host: string; port: number; portIsDefault: boolean },
): Promise<number> {
  for (let candidate = port; ; candidate += 1) {
    try {
      await app.listen({ host, port: candidate });
      const address = app.server.address();
      return typeof address === 'object' && address ? address.port : candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (!portIsDefault || candidate === port + portsTried) {
        throw new ConfigError(
          `port ${candidate} on ${host} is taken: set TENMA_HTTP_PORT to another one, or leave it out`,
        );
      }
    }
  }
}
