import { hostname } from 'node:os';
import { type Environment, readConfig } from '@tenma/runtime';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

const schema = z.object({
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: port.optional(),
  AMQP_URL: z.url({ protocol: /^amqps?$/, error: 'an amqp:// URL is needed' }),
  MQTT_URL: z.url({ protocol: /^(mqtts?|wss?|tcp|ssl)$/, error: 'an mqtt:// URL is needed' }),
  STORE_URL: z
    .string()
    .regex(/^(postgres(ql)?:\/\/|sqlite:)/, 'postgres://… (or sqlite:PATH for a single LE) is needed'),
  ACTIVE_REGION: z.string().default('ap-northeast-1'),
  OUTBOX_LIMIT: z.coerce.number().int().min(1).default(1_000_000),
  LE_ID: z.string().default(() => `le-${hostname().toLowerCase()}-${process.pid}`),
  LOG_LEVEL: z.string().default('info'),
});

/** LE as a service of its own: refuses to start without brokers and a store. */
export function leConfig(environment: Environment) {
  return readConfig(schema, environment);
}
