import { defineWorker, WorkerError } from '@tenma/worker';
import { z } from 'zod';

/** The load balancer does not know the backend: nothing to take out, and no second attempt will find it. */
export class UnknownBackend extends WorkerError {
  override readonly name = 'UnknownBackend';

  constructor(message: string) {
    super(message, { code: 'unknown_backend' });
  }
}

const reply = z.object({ state: z.enum(['active', 'draining', 'drained']), connections: z.int() });

/**
 * Acts on a target over HTTP: tells a load balancer to take a backend out, and answers what the balancer says of it
 * afterwards. The idempotency key goes along, because an attempt may be repeated though it has acted.
 */
// oxlint-disable-next-line import/no-default-export -- a worker package
export default defineWorker({
  type: 'drain-backend',
  version: '1.0.0',
  description: 'Takes a backend out of a load balancer and says how many connections it still has.',
  input: z.strictObject({
    balancer: z.url({ protocol: /^https?$/ }).describe('Address of its control API.'),
    backend: z.string().regex(/^[a-z0-9-]+$/),
  }),
  output: reply,
  cost: 'light',
  timeout_ms: 10_000,
  retry: { max_attempts: 4, initial_ms: 500 },
  errors: [UnknownBackend],
  example: { balancer: 'http://127.0.0.1:9000', backend: 'web-1' },
  async run({ input, signal, task, log }) {
    const address = new URL(`/backends/${input.backend}/drain`, input.balancer);
    const response = await fetch(address, {
      method: 'PUT',
      headers: { 'idempotency-key': task.idempotency_key },
      signal,
    });
    if (response.status === 404) throw new UnknownBackend(`${input.balancer} has no ${input.backend}`);
    if (!response.ok) {
      const retryable = response.status >= 500 || response.status === 429;
      throw new WorkerError(`the balancer answered ${response.status}`, {
        code: 'balancer_refused',
        retryable,
      });
    }
    const said = reply.parse(await response.json());
    log('backend told to drain', { backend: input.backend, connections: said.connections });
    return said;
  },
});
