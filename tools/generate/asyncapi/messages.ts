/** A message of a channel. */
export interface Message {
  readonly name: string;
  readonly title: string;
  /** The name of its body's schema in the protocol; with `event`, that of the event's `data`. */
  readonly payload: string;
  /** The CloudEvents types it may have. */
  readonly event?: readonly string[];
}

export interface Channel {
  readonly name: string;
  readonly server: 'amqp' | 'mqtt';
  readonly address: string;
  readonly title: string;
  readonly description: string;
  readonly messages: readonly Message[];
  readonly parameters?: Readonly<Record<string, { readonly description: string }>>;
  readonly bindings?: object;
}

/** The schema of a CloudEvent in structured JSON whose `data` is of a named schema. */
export function cloudEventOf(types: readonly string[], data: string): object {
  return {
    type: 'object',
    required: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'data'],
    properties: {
      specversion: { const: '1.0' },
      id: { type: 'string', description: 'Unique to the event; drop duplicates by it.' },
      source: { type: 'string', examples: ['/regions/ap-northeast-1/wees/wee-1', '/le/le-1'] },
      type: { type: 'string', enum: types },
      subject: {
        type: 'string',
        description: 'The id of what it tells of: a task, a WEE, a region, a node, a failover.',
      },
      time: { $ref: '#/components/schemas/Timestamp' },
      datacontenttype: { const: 'application/json' },
      data: { $ref: `#/components/schemas/${data}` },
    },
  };
}
