import { hostname } from 'node:os';
import { type Environment, readConfig } from '@tenma/runtime';
import { z } from 'zod';

const schema = z
  .object({
    AMQP_URL: z
      .url({ protocol: /^amqps?$/, error: 'an amqp:// URL is needed' })
      .describe('RabbitMQ: `amqp://user:password@host:5672`.'),
    MQTT_URL: z
      .url({ protocol: /^(mqtt|ws)s?$/, error: 'an mqtt:// URL is needed' })
      .describe('The MQTT broker: `mqtt://host:1883`, or `mqtts:`, `ws:`, `wss:`.'),
    IC_ID: z
      .string()
      .default(() => `ic-${hostname().toLowerCase()}-${process.pid}`)
      .describe('Name of this replica in logs and brokers; no two may share it. Default: `ic-HOST-PID`.'),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.'),
  })
  .describe('Settings of IC as a service of its own.');

export function icConfig(environment: Environment) {
  return readConfig(schema, environment);
}
