import { randomBytes } from 'node:crypto';
import { idSchema, regionIdSchema, isEndpoint } from '@tenma/protocol';
import { type Environment, readConfig } from '@tenma/runtime';
import { z } from 'zod';

import { workerFields } from './worker-settings.ts';

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** Addresses to listen on that are none to dial. */
const everyInterface: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

const schema = z
  .object({
    AMQP_URL: z
      .url({ protocol: /^amqps?$/, error: 'an amqp:// URL is needed' })
      .describe('RabbitMQ: `amqp://user:password@host:5672`.'),
    MQTT_URL: z
      .url({ protocol: /^(mqtt|ws)s?$/, error: 'an mqtt:// URL is needed' })
      .describe('The MQTT broker: `mqtt://host:1883`, or `mqtts:`, `ws:`, `wss:`.'),
    REGION: regionIdSchema.default('ap-northeast-1').describe('The region this WEE stands in.'),
    LABELS: list
      .pipe(z.array(idSchema))
      .default([])
      .describe('What tasks may require of it, comma-separated. Default: none.'),
    WORKERS: list
      .default(['@tenma/workers'])
      .describe(
        'Worker packages, comma-separated: package names, or paths of files or of folders. Default: `@tenma/workers`.',
      ),
    ...workerFields,
    DRAIN_MS: z.coerce
      .number()
      .int()
      .min(0)
      .default(30_000)
      .describe('How long a stop waits for what it has taken.'),
    WEE_ID: idSchema
      .default(() => `wee-${randomBytes(4).toString('hex')}`)
      .describe('Name of this WEE; no two may share it. Default: `wee-` and eight random digits.'),
    ECHO_PORT: z.coerce
      .number()
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe(
        'Port where workers of other regions measure the round trip to this one, by lines that come back; 0 for any that is free. Default: nowhere.',
      ),
    ECHO_HOST: z
      .string()
      .default('127.0.0.1')
      .describe('Where that port listens; `0.0.0.0` for every interface.'),
    ECHO_ADVERTISE: z
      .string()
      .refine((text) => isEndpoint(text) && !text.includes('/'), 'host:port is needed')
      .optional()
      .describe(
        '`host:port` that others dial for it; needed where `TENMA_ECHO_HOST` is every interface. Default: where it listens.',
      ),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.'),
  })
  .refine(
    ({ ECHO_PORT, ECHO_HOST, ECHO_ADVERTISE }) =>
      ECHO_PORT === undefined || ECHO_ADVERTISE !== undefined || !everyInterface.has(ECHO_HOST),
    { path: ['ECHO_ADVERTISE'], error: 'host:port is needed: nobody can dial what TENMA_ECHO_HOST says' },
  )
  .describe('Settings of WEE as a service of its own.');

export function weeConfig(environment: Environment) {
  return readConfig(schema, environment);
}
