import { randomFillSync, randomUUID } from 'node:crypto';
import { startIc } from '@tenma/ic';
import { geoSettings, startLe } from '@tenma/le';
import { createLog, runProcess, sleep, systemClock } from '@tenma/runtime';
import { startWee, workerEnvironment, workerOptions } from '@tenma/wee';
import { devConfig } from './config.ts';
import { openPorts } from './ports.ts';
import { probeTypes, selfCheck } from './self-check.ts';

const weeId = 'wee-dev';
/** After that it is said that nothing can run, rather than nothing at all. */
const poolPatienceMs = 10_000;
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
      weeId,
      bootId: randomUUID(),
      region: config.REGION,
      version: '0.1.0',
      packages: config.WORKERS,
      environment: workerEnvironment(process.env),
      ...workerOptions(config),
    }),
  );

  const hasPool = await Promise.race([
    le.pool(stopping).then(() => true),
    sleep(clock, poolPatienceMs, stopping).then(() => false),
  ]);
  say(`API    ${le.url}/api/v1/tasks${note(config.HTTP_PORT, 8080, le.port)}`);
  say(`Docs   ${le.url}/docs`);
  say(`MQTT   ${ports.mqttUrl}${ports.mqtt ? note(config.MQTT_PORT, 1883, ports.mqtt.port) : ''}`);
  if (ports.mqtt) say(`       mosquitto_sub -p ${ports.mqtt.port} -t 'tenma/v1/tasks/+/+/+/result' -v`);
  if (webSocket) say(`       ${le.url.replace('http', 'ws')}/mqtt (WebSocket)`);
  say(`Store  ${config.STORE_URL}`);
  if (!hasPool)
    say(
      'Pools  none yet: every worker that is loaded requires labels, or none has started; TENMA_LOG_LEVEL=info says more',
    );
  say(`Check  ${await checkOf({ results: ports.results('self-check'), clock }, le.url)}`);
  return parts.move();
});

async function checkOf(components: Parameters<typeof selfCheck>[0], url: string): Promise<string> {
  try {
    const checked = await selfCheck(components, { url, weeId });
    if (checked === null) return `skipped: no built-in probe (${probeTypes.join(', ')}) is loaded`;
    const { probe, verdict, ms } = checked;
    return `${probe}: ${verdict}, through API, bus, IC, worker and MQTT in ${ms.toFixed(0)} ms`;
  } catch (error) {
    return `FAILED: ${(error as Error).message}; see ${url}/readyz`;
  }
}

function note(named: number | undefined, usual: number, taken: number): string {
  return named === undefined && taken !== usual ? `   (port ${usual} is taken)` : '';
}
