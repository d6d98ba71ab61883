import { randomFillSync } from 'node:crypto';
import { createAmqpBus } from '@tenma/bus/amqp';
import { createMqttResults } from '@tenma/results/mqtt';
import { createLog, runProcess, systemClock } from '@tenma/runtime';
import { createPostgresStore } from '@tenma/store/postgres';
import { createSqliteStore } from '@tenma/store/sqlite';
import { leConfig } from './config.ts';
import { geoSettings } from './geo/geo-config.ts';
import { startLe } from './le.ts';

runProcess(async () => {
  const config = leConfig(process.env);
  const log = createLog({ level: config.LOG_LEVEL, name: 'le' });
  const base = { clock: systemClock(), log, random: Math.random };
  await using parts = new AsyncDisposableStack();
  const sqlitePath = /^sqlite:(.*)$/.exec(config.STORE_URL)?.[1];
  const store = parts.use(
    sqlitePath === undefined
      ? createPostgresStore(base, { url: config.STORE_URL })
      : await createSqliteStore(base, { path: sqlitePath }),
  );
  const bus = parts.use(createAmqpBus(base, { url: config.AMQP_URL, name: config.LE_ID }));
  const results = parts.use(createMqttResults(base, { url: config.MQTT_URL, clientId: config.LE_ID }));
  parts.use(
    await startLe(
      { ...base, store, bus, results, randomBytes: randomFillSync },
      {
        leId: config.LE_ID,
        host: config.HTTP_HOST,
        port: config.HTTP_PORT ?? 8080,
        portIsDefault: config.HTTP_PORT === undefined,
        outboxLimit: config.OUTBOX_LIMIT,
        geo: geoSettings(config, config.ACTIVE_REGION),
      },
    ),
  );
  return parts.move();
});
