import { hostname } from 'node:os';
import { regionIdSchema } from '@tenma/protocol';
import { type Environment, readConfig } from '@tenma/runtime';
import { z } from 'zod';
import { geoFields } from './geo/geo-config.ts';

const port = z.coerce.number().int().min(0).max(65_535);

const schema = z
  .object({
    HTTP_HOST: z
      .string()
      .default('127.0.0.1')
      .describe('Where the API listens; `0.0.0.0` for every interface.'),
    HTTP_PORT: port
      .optional()
      .describe(
        'Port of the API; one that is named and taken is an error. Default: 8080, or the next free one.',
      ),
    AMQP_URL: z
      .url({ protocol: /^amqps?$/, error: 'an amqp:// URL is needed' })
      .describe('RabbitMQ: `amqp://user:password@host:5672`.'),
    MQTT_URL: z
      .url({ protocol: /^(mqtt|ws)s?$/, error: 'an mqtt:// URL is needed' })
      .describe('The MQTT broker: `mqtt://host:1883`, or `mqtts:`, `ws:`, `wss:`.'),
    STORE_URL: z
      .string()
      .regex(/^(postgres(ql)?:\/\/|sqlite:)/, 'postgres://… (or sqlite:PATH for a single LE) is needed')
      .describe('`postgres://user:password@host/database`, or `sqlite:PATH` for a single LE.'),
    ACTIVE_REGION: regionIdSchema
      .default('ap-northeast-1')
      .describe('The active region on first start; from then on the store says.'),
    ...geoFields,
    OUTBOX_LIMIT: z.coerce
      .number()
      .int()
      .min(1)
      .default(1_000_000)
      .describe('Unfinished tasks beyond which submissions get 503 `outbox_full`.'),
    LE_ID: z
      .string()
      .default(() => `le-${hostname().toLowerCase()}-${process.pid}`)
      .describe(
        'Name of this replica in logs, events and brokers; no two may share it. Default: `le-HOST-PID`.',
      ),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.'),
  })
  .describe('Settings of LE as a service of its own.');

/** LE as a service of its own: refuses to start without brokers and a store. */
export function leConfig(environment: Environment) {
  return readConfig(schema, environment);
}
