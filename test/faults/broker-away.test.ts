import { createFabric, until } from '@tenma/test-support';
import { startMosquitto } from '@tenma/test-support/mosquitto';
import { startPostgres } from '@tenma/test-support/postgres';
import { startRabbitmq } from '@tenma/test-support/rabbitmq';
import { describe, expect, it } from 'vitest';
import { allSucceeded, canStartStack, submitEchoes } from './stack.ts';

const outboxLimit = 60;

interface Readiness {
  status: string;
  checks: Record<string, { ok: boolean; detail: string }>;
}

async function readiness(api: string): Promise<Readiness> {
  return (await (await fetch(`${api}/readyz`)).json()) as Readiness;
}

describe.runIf(canStartStack)('without its broker', () => {
  // Boots RabbitMQ twice, which takes it several seconds each time.
  it('LE starts, says what it lacks, accepts up to its bound, and makes good later', {
    timeout: 240_000,
  }, async () => {
    await using rabbitmq = await startRabbitmq({ started: false });
    await using mosquitto = await startMosquitto();
    await using postgres = await startPostgres();
    await using fabric = await createFabric({
      amqpUrl: rabbitmq.url,
      mqttUrl: mosquitto.url,
      storeUrl: postgres.url,
      env: { TENMA_OUTBOX_LIMIT: String(outboxLimit) },
    });
    const le = fabric.le();
    fabric.ic();
    fabric.wee();
    const storeIsThere = () =>
      readiness(fabric.api).then(
        ({ checks }) => checks['store']?.ok === true,
        () => false,
      );
    await until(storeIsThere, { timeoutMs: 20_000, what: 'LE answering, with its store' });
    const { status, checks } = await readiness(fabric.api);
    expect(status).toBe('not_ready');
    expect(checks['bus']).toEqual({ ok: false, detail: 'connecting' });
    expect(le.output()).toMatch(/AMQP|RabbitMQ|broker/i);

    await rabbitmq.start();
    await fabric.ready();
    await submitEchoes(fabric.api, 0, 10);
    await allSucceeded(fabric.api, 10, 20_000);

    await rabbitmq.stop('SIGKILL');
    await until(async () => !(await readiness(fabric.api)).checks['bus']?.ok, {
      what: '/readyz naming the bus',
    });
    const accepted = 10 + (await fillOutbox(fabric.api));
    expect(accepted).toBeGreaterThanOrEqual(outboxLimit);
    const refused = await submit(fabric.api);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'outbox_full', retryable: true });

    await rabbitmq.start();
    await allSucceeded(fabric.api, accepted, 45_000);
    expect((await submit(fabric.api)).status).toBe(202);
  });
});

function submit(api: string): Promise<Response> {
  return fetch(`${api}/api/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'echo', input: {}, region: 'any' }),
  });
}

/** Submits one task after the other until one is refused; returns how many were accepted. */
async function fillOutbox(api: string): Promise<number> {
  for (let accepted = 0; accepted < 2 * outboxLimit; accepted += 1) {
    const response = await submit(api);
    await response.arrayBuffer();
    if (response.status !== 202) return accepted;
  }
  throw new Error('nothing was refused');
}
