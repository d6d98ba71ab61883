import { geoFields } from '@tenma/le';
import { regionIdSchema } from '@tenma/protocol';
import { type Environment, readConfig } from '@tenma/runtime';
import { workerFields } from '@tenma/wee';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

const schema = z
  .object({
    HTTP_HOST: z.string().default('127.0.0.1').describe('Where the API and the embedded MQTT broker listen.'),
    HTTP_PORT: port
      .optional()
      .describe(
        'Port of the API; one that is named and taken is an error. Default: 8080, or the next free one.',
      ),
    MQTT_PORT: port
      .optional()
      .describe('Port of the embedded MQTT broker, likewise. Default: 1883, or the next free one.'),
    AMQP_URL: z
      .url({ protocol: /^amqps?$/, error: 'an amqp:// URL is needed' })
      .optional()
      .describe('Use this RabbitMQ instead of the bus in memory.'),
    MQTT_URL: z
      .url({ protocol: /^(mqtt|ws)s?$/, error: 'an mqtt:// URL is needed' })
      .optional()
      .describe('Use this MQTT broker instead of the embedded one.'),
    STORE_URL: z
      .string()
      .regex(/^(postgres(ql)?:\/\/|sqlite:)/, 'sqlite:PATH or postgres://… is needed')
      .default('sqlite:./data/tenma.db')
      .describe('`sqlite:PATH`, or `postgres://user:password@host/database`.'),
    REGION: regionIdSchema
      .default('ap-northeast-1')
      .describe('The region of its WEE, and the active one on first start.'),
    ...geoFields,
    WORKERS: z
      .string()
      .default('@tenma/workers')
      .transform((text) =>
        text
          .split(',')
          .map((each) => each.trim())
          .filter((each) => each !== ''),
      )
      .describe('Worker packages, comma-separated: package names, or paths of files or of folders.'),
    ...workerFields,
    OUTBOX_LIMIT: z.coerce
      .number()
      .int()
      .min(1)
      .default(1_000_000)
      .describe('Unfinished tasks beyond which submissions get 503 `outbox_full`.'),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('warn')
      .describe('`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.'),
  })
  .describe('Settings of LE, IC and WEE in one process.');

/** LE, IC and WEE in one process: everything has a default, and every URL that is set replaces what is embedded. */
export function devConfig(environment: Environment) {
  return readConfig(schema, environment);
}
export type DevConfig = ReturnType<typeof devConfig>;
