import { hostname } from 'node:os';
import { type Environment, readConfig } from '@tenma/runtime';
import { z } from 'zod';

const schema = z.object({
  AMQP_URL: z.url({ protocol: /^amqps?$/, error: 'an amqp:// URL is needed' }),
  MQTT_URL: z.url({ protocol: /^(mqtts?|wss?|tcp|ssl)$/, error: 'an mqtt:// URL is needed' }),
  IC_ID: z.string().default(() => `ic-${hostname().toLowerCase()}-${process.pid}`),
  LOG_LEVEL: z.string().default('info'),
});

export function icConfig(environment: Environment) {
  return readConfig(schema, environment);
}
