import { randomUUID } from 'node:crypto';
import { createAmqpBus } from '@tenma/bus/amqp';
import { createMqttResults } from '@tenma/results/mqtt';
import { createLog, runProcess, systemClock } from '@tenma/runtime';
import { weeConfig } from './config.ts';
import { workerEnvironment, workerOptions } from './worker-settings.ts';
import { willOf } from './announcer.ts';
import { startWee } from './wee.ts';

runProcess(async () => {
  const config = weeConfig(process.env);
  const log = createLog({ level: config.LOG_LEVEL, name: 'wee' });
  const base = { clock: systemClock(), log, random: Math.random };
  const identity = { weeId: config.WEE_ID, bootId: randomUUID(), region: config.REGION };
  await using parts = new AsyncDisposableStack();
  const bus = parts.use(createAmqpBus(base, { url: config.AMQP_URL, name: config.WEE_ID }));
  const will = willOf(identity, base.clock.now());
  const results = parts.use(createMqttResults(base, { url: config.MQTT_URL, clientId: config.WEE_ID, will }));
  parts.use(
    await startWee(
      { ...base, bus, results },
      {
        ...identity,
        version: '0.1.0',
        labels: config.LABELS,
        packages: config.WORKERS,
        environment: workerEnvironment(process.env),
        ...workerOptions(config),
        drainMs: config.DRAIN_MS,
        echo:
          config.ECHO_PORT === undefined
            ? undefined
            : { host: config.ECHO_HOST, port: config.ECHO_PORT, advertise: config.ECHO_ADVERTISE },
      },
    ),
  );
  return parts.move();
});
