import { idSchema } from '@tenma/protocol';
import { type Environment, readConfig } from '@tenma/runtime';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

const schema = z.object({
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: port.optional(),
  MQTT_PORT: port.optional(),
  AMQP_URL: z.string().optional(),
  MQTT_URL: z.string().optional(),
  STORE_URL: z.string().default('sqlite:./data/tenma.db'),
  REGION: idSchema.default('ap-northeast-1'),
  WORKERS: z.string().default('@tenma/workers'),
  PROCESSES: z.coerce.number().int().min(1).max(256).default(2),
  SLOTS: z.coerce.number().int().min(1).max(10_000).default(64),
  OUTBOX_LIMIT: z.coerce.number().int().min(1).default(1_000_000),
  LOG_LEVEL: z.string().default('warn'),
});

/** LE, IC and WEE in one process: everything has a default, and every URL that is set replaces what is embedded. */
export function devConfig(environment: Environment) {
  return readConfig(schema, environment);
}
export type DevConfig = ReturnType<typeof devConfig>;
