import { randomBytes } from 'node:crypto';
import { idSchema } from '@tenma/protocol';
import { type Environment, readConfig } from '@tenma/runtime';
import { z } from 'zod';

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const schema = z.object({
  AMQP_URL: z.url({ protocol: /^amqps?$/, error: 'an amqp:// URL is needed' }),
  MQTT_URL: z.url({ protocol: /^(mqtts?|wss?|tcp|ssl)$/, error: 'an mqtt:// URL is needed' }),
  REGION: idSchema.default('ap-northeast-1'),
  LABELS: list.pipe(z.array(idSchema)).default([]),
  WORKERS: list.default(['@tenma/workers']),
  PROCESSES: z.coerce.number().int().min(1).max(256).default(2),
  SLOTS: z.coerce.number().int().min(1).max(10_000).default(64),
  DRAIN_MS: z.coerce.number().int().min(0).default(30_000),
  WEE_ID: idSchema.default(() => `wee-${randomBytes(4).toString('hex')}`),
  LOG_LEVEL: z.string().default('info'),
});

export function weeConfig(environment: Environment) {
  return readConfig(schema, environment);
}
