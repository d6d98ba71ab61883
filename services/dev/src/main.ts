import { randomFillSync, randomUUID } from 'node:crypto';
import { startIc } from '@tenma/ic';
import { geoSettings, startLe } from '@tenma/le';
import { createLog, runProcess, systemClock } from '@tenma/runtime';
import { startWee, workerEnvironment } from '@tenma/wee';
import { devConfig } from './config.ts';
import { openPorts } from './ports.ts';
import { type SelfCheck, selfCheck } from './self-check.ts';

const say = (line: string) => void process.stdout.write(`${line}\n`);

runProcess(async (stopping) => {
  const config = devConfig(process.env);
  const clock = systemClock();
  const log = createLog({ level: config.LOG_LEVEL, name: 'tenma' });
  const base = { clock, log, random: Math.random };
  await using parts = new AsyncDisposableStack();
  const ports = parts.use(await openPorts(base, config));
  const wired = (name: string) => ({ ...base, bus: ports.bus(name), results: ports.results(name) });

  const le = parts.use(
    await startLe(
      { ...wired('le'), store: ports.store, randomBytes: randomFillSync },
      {
        leId: 'le-dev',
        host: config.HTTP_HOST,
        port: config.HTTP_PORT ?? 8080,
        portIsDefault: config.HTTP_PORT === undefined,
        outboxLimit: config.OUTBOX_LIMIT,
        geo: geoSettings(config, config.REGION),
      },
    ),
  );
  const webSocket = ports.mqtt?.attachWebSocket(le.server, '/mqtt');
  if (webSocket) parts.use(webSocket);
  parts.use(await startIc(wired('ic'), { icId: 'ic-dev' }));
  parts.use(
    await startWee(wired('wee'), {
      weeId: 'wee-dev',
      bootId: randomUUID(),
      region: config.REGION,
      version: '0.1.0',
      packages: config.WORKERS.split(','),
      environment: workerEnvironment(process.env),
      processes: config.PROCESSES,
      slots: config.SLOTS,
    }),
  );

  await le.pool(stopping);
  say(`API    ${le.url}/api/v1/tasks${note(config.HTTP_PORT, 8080, le.port)}`);
  say(`Docs   ${le.url}/docs`);
  say(`MQTT   ${ports.mqttUrl}${ports.mqtt ? note(config.MQTT_PORT, 1883, ports.mqtt.port) : ''}`);
  if (ports.mqtt) say(`       mosquitto_sub -p ${ports.mqtt.port} -t 'tenma/v1/tasks/+/+/+/result' -v`);
  if (webSocket) say(`       ${le.url.replace('http', 'ws')}/mqtt (WebSocket)`);
  say(`Store  ${config.STORE_URL}`);
  try {
    const checked = await selfCheck({ results: ports.results('self-check'), clock }, le.url);
    say(`Check  ${checked ? wholeWay(le.url, checked) : 'skipped: no worker for probe-http is loaded'}`);
  } catch (error) {
    say(`Check  FAILED: ${(error as Error).message}; see ${le.url}/readyz`);
  }
  return parts.move();
});

function wholeWay(url: string, { ms, verdict }: SelfCheck): string {
  return `probe-http ${url}/healthz: ${verdict}, through API, bus, IC, worker and MQTT in ${ms.toFixed(0)} ms`;
}

function note(named: number | undefined, usual: number, taken: number): string {
  return named === undefined && taken !== usual ? `   (port ${usual} is taken)` : '';
}
