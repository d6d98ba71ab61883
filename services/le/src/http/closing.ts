import type { Clock } from '@tenma/runtime';
import type { App } from './server.ts';

/** How long a reader may take, once the app closes, for an answer that is under way. */
const graceMs = 3_000;

/**
 * Aborted when the app begins to close: streams end, and whoever waits for a task answers with what there is. From then
 * on no connection is kept for another request, or the close would wait until the last one has idled long enough.
 */
export function closingOf(app: App, clock: Clock): AbortSignal {
  const closing = new AbortController();
  app.addHook('preClose', (done) => {
    closing.abort(new Error('LE stops'));
    const { server } = app;
    if (server.listening) {
      server.keepAliveTimeout = 1;
      server.keepAliveTimeoutBuffer = 0;
      clock.after(graceMs, () => server.closeAllConnections());
    }
    done();
  });
  return closing.signal;
}
