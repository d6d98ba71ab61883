import { createAmqpBus } from '@tenma/bus/amqp';
import { createMqttResults } from '@tenma/results/mqtt';
import { createLog, runProcess, systemClock } from '@tenma/runtime';
import { icConfig } from './config.ts';
import { startIc } from './ic.ts';

runProcess(async () => {
  const config = icConfig(process.env);
  const log = createLog({ level: config.LOG_LEVEL, name: 'ic' });
  const base = { clock: systemClock(), log, random: Math.random };
  await using parts = new AsyncDisposableStack();
  const bus = parts.use(createAmqpBus(base, { url: config.AMQP_URL, name: config.IC_ID }));
  const results = parts.use(createMqttResults(base, { url: config.MQTT_URL, clientId: config.IC_ID }));
  parts.use(await startIc({ ...base, bus, results }, { icId: config.IC_ID }));
  return parts.move();
});
