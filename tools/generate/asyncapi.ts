import { stringify } from 'yaml';
import { limits } from '../../packages/protocol/src/index.ts';
import { amqpChannels } from './asyncapi/amqp-channels.ts';
import { mqttChannels } from './asyncapi/mqtt-channels.ts';
import { operations } from './asyncapi/operations.ts';
import { cloudEventOf } from './asyncapi/messages.ts';
import { protocolSchemas } from './schemas.ts';

const description = `What the services of Tenma say to each other over AMQP, and to everybody over MQTT.

Generated from packages/protocol by \`npm run generate\`. Times are Unix milliseconds on AMQP and RFC 3339 on MQTT.
Without brokers (\`npm start\`) the same messages travel inside one process, and MQTT is an embedded broker that
outsiders may only read.`;

/** `docs/asyncapi.yaml`: every queue, exchange and topic, with the schemas of what travels there. */
export function asyncapiDocument(): string {
  const channels = [...amqpChannels, ...mqttChannels];
  const messages = new Map(channels.flatMap((channel) => channel.messages).map((one) => [one.name, one]));
  return stringify(
    {
      asyncapi: '3.0.0',
      info: { title: 'Tenma', version: '1', description },
      defaultContentType: 'application/json',
      servers: {
        amqp: { host: '127.0.0.1:5672', protocol: 'amqp', protocolVersion: '0.9.1', description: 'RabbitMQ' },
        mqtt: {
          host: '127.0.0.1:1883',
          protocol: 'mqtt',
          description:
            'Any MQTT broker. MQTT 5 where it is spoken, else 3.1.1; the embedded one speaks 3.1.1.',
        },
      },
      channels: Object.fromEntries(
        channels.map(({ name, messages: carried, server, ...channel }) => [
          name,
          {
            ...channel,
            servers: [{ $ref: `#/servers/${server}` }],
            messages: Object.fromEntries(
              carried.map((message) => [message.name, { $ref: `#/components/messages/${message.name}` }]),
            ),
          },
        ]),
      ),
      operations: operations(channels),
      components: {
        messages: Object.fromEntries(
          [...messages.values()].map(({ name, title, payload, event }) => [
            name,
            {
              title,
              contentType: event === undefined ? 'application/json' : 'application/cloudevents+json',
              payload:
                event === undefined
                  ? { $ref: `#/components/schemas/${payload}` }
                  : cloudEventOf(event, payload),
            },
          ]),
        ),
        schemas: schemas(),
      },
      'x-limits': limits,
    },
    { lineWidth: 110, blockQuote: 'literal', aliasDuplicateObjects: false },
  );
}

function schemas(): Record<string, unknown> {
  const all = protocolSchemas({ target: 'draft-7', uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries([...all].map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]));
}
