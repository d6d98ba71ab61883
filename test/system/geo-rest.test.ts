import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort, startService, temporaryFolder, until } from '@tenma/test-support';
import { expect, it } from 'vitest';

const run = promisify(execFile);

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** One request as a user would send it from a shell. */
async function curl(url: string, method = 'GET', body?: object): Promise<Answer> {
  const json = body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)];
  const { stdout } = await run('curl', ['-sS', '-X', method, '-w', '\n%{http_code}', ...json, url]);
  const cut = stdout.lastIndexOf('\n');
  const text = stdout.slice(0, cut);
  return { status: Number(stdout.slice(cut + 1)), body: text === '' ? null : JSON.parse(text) };
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
const rtt = expect.any(Number) as number;

// The requests of the source's REST section, in its order; endpoints are of loopback, where something may probe them.
it('answers the requests of the geo API, in order, in their shapes', { timeout: 60_000 }, async () => {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const port = await freePort();
  const geo = `http://127.0.0.1:${port}/api/geo`;
  const service = parts.use(
    startService('dev', 'services/dev/src/main.ts', {
      TENMA_HTTP_PORT: String(port),
      TENMA_MQTT_PORT: '0',
      TENMA_STORE_URL: `sqlite:${folder.path}/tenma.db`,
    }),
  );
  await until(() => service.output().includes('Check '), { timeoutMs: 40_000, what: 'the self-check' });

  expect(await curl(`${geo}/status`)).toMatchObject({
    status: 200,
    body: {
      active_region: 'ap-northeast-1',
      total_regions: 5,
      total_nodes: 0,
      online_regions: 5,
      regions: { 'ap-northeast-1': { status: 'online', node_count: 0, priority: 1 } },
    },
  });
  expect(await curl(`${geo}/regions`)).toMatchObject({
    status: 200,
    body: {
      regions: [
        { region_id: 'ap-northeast-1', display_name: 'Asia Pacific (Tokyo)' },
        { region_id: 'us-east-1' },
        { region_id: 'us-west-2' },
        { region_id: 'eu-west-1' },
        { region_id: 'ap-southeast-1', priority: 5, location: { lat: 1.35, lon: 103.82 } },
      ],
    },
  });
  const osaka = {
    region_id: 'ap-northeast-3',
    display_name: 'Asia Pacific (Osaka)',
    provider: 'aws',
    location: { lat: 34.69, lon: 135.5 },
    priority: 6,
  };
  expect(await curl(`${geo}/regions`, 'POST', osaka)).toMatchObject({ status: 201, body: osaka });
  expect(await curl(`${geo}/regions/ap-northeast-3`)).toMatchObject({
    status: 200,
    body: { ...osaka, status: 'online' },
  });
  expect(await curl(`${geo}/regions/ap-northeast-3`, 'DELETE')).toEqual({ status: 204, body: null });
  expect(await curl(`${geo}/nodes?region_id=ap-northeast-1&status=online`)).toEqual({
    status: 200,
    body: { nodes: [] },
  });
  const node = {
    node_id: 'prod-gpu-node-01',
    region_id: 'ap-northeast-1',
    endpoint: `127.0.0.1:${port}`,
    node_type: 'gpu',
  };
  expect(await curl(`${geo}/nodes`, 'POST', node)).toMatchObject({ status: 201, body: node });
  expect(await curl(`${geo}/nodes/prod-gpu-node-01`, 'DELETE')).toEqual({ status: 204, body: null });
  const failover = {
    from_region: 'ap-northeast-1',
    to_region: 'us-east-1',
    reason: 'region_unavailable',
    triggered_by: 'operator',
  };
  expect(await curl(`${geo}/failover`, 'POST', failover)).toMatchObject({
    status: 200,
    body: {
      status: 'failover_executed',
      event: { ...failover, event_id: expect.any(String) as string, timestamp: time, success: true },
    },
  });
  expect(await curl(`${geo}/failover/history?limit=20`)).toMatchObject({
    status: 200,
    body: { events: [failover] },
  });
  const { status, body } = await curl(`${geo}/latency-matrix`);
  expect(status).toBe(200);
  const { matrix } = body as { matrix: Record<string, Record<string, number>> };
  expect(Object.keys(matrix)).toHaveLength(5);
  expect(matrix['ap-northeast-1']).toEqual({
    'us-east-1': rtt,
    'us-west-2': rtt,
    'eu-west-1': rtt,
    'ap-southeast-1': rtt,
  });
  expect(matrix['us-east-1']?.['ap-northeast-1']).toBe(matrix['ap-northeast-1']?.['us-east-1']);
  expect(await curl(`${geo}/active-region`)).toMatchObject({
    status: 200,
    body: { active_region: 'us-east-1', region_id: 'us-east-1', epoch: 2 },
  });
  expect(await curl(`${geo}/active-region`, 'PUT', { region_id: 'ap-northeast-1' })).toMatchObject({
    status: 200,
    body: { active_region: 'ap-northeast-1', epoch: 3 },
  });
  expect(await curl(`${geo}/replication-group/ap-northeast-1`)).toMatchObject({
    status: 200,
    body: {
      source_region: 'ap-northeast-1',
      replication_targets: ['ap-southeast-1', 'us-west-2'],
      latencies_ms: { 'ap-southeast-1': rtt, 'us-west-2': rtt },
    },
  });
});
