import { defaults, exchanges, poolQueue, queues } from '../../../packages/protocol/src/index.ts';
import type { Channel } from './messages.ts';

const bindingVersion = '0.3.0';

function fanout(name: string): object {
  const exchange = { name, type: 'fanout', durable: true, autoDelete: false, vhost: '/' };
  return { amqp: { is: 'routingKey', exchange, bindingVersion } };
}

function queue(name: string): object {
  const kind = { durable: true, exclusive: false, autoDelete: false, vhost: '/' };
  return { amqp: { is: 'queue', queue: { name, ...kind }, bindingVersion } };
}

const dispatchBatch = { name: 'DispatchBatch', title: 'Tasks to place', payload: 'DispatchBatch' };
const assignment = { name: 'Assignment', title: 'A placed task', payload: 'Assignment' };
const journalBatch = { name: 'JournalBatch', title: 'What became of tasks', payload: 'JournalBatch' };
const control = {
  name: 'ControlMessage',
  title: 'Tombstones, and voids of a region that was left',
  payload: 'ControlMessage',
};
const heartbeat = { name: 'Heartbeat', title: 'Proof of consumption', payload: 'Heartbeat' };
const observations = {
  name: 'ObservationBatch',
  title: 'What was seen of nodes',
  payload: 'ObservationBatch',
};
const marker = { name: 'Marker', title: "The store's generation", payload: 'Marker' };

/** The queues and the exchanges. Their options are those that packages/bus declares them with. */
export const amqpChannels: readonly Channel[] = [
  {
    name: 'dispatch',
    server: 'amqp',
    address: queues.ic,
    title: 'Tasks that LE sends out',
    description: `A classic queue whose messages live ${defaults.dispatchLeaseMs} ms, the dispatch lease. Not persistent: the lease covers their loss.`,
    messages: [dispatchBatch],
    bindings: queue(queues.ic),
  },
  {
    name: 'pool',
    server: 'amqp',
    address: poolQueue('{region}', '{pool}'),
    title: 'Tasks for a pool',
    description:
      'A quorum queue that goes when no WEE has served it for a day. One persistent message a task, which lives until its `not_after`. WEEs announce the name in their presence; nobody else makes it up.',
    messages: [assignment],
    parameters: {
      region: { description: 'The region of the pool.' },
      pool: { description: 'Task type, major version of its schemas, and labels: `probe-http-v1`.' },
    },
    bindings: queue(poolQueue('{region}', '{pool}')),
  },
  {
    name: 'journal',
    server: 'amqp',
    address: queues.journal,
    title: 'The way back to LE',
    description: 'A quorum queue. IC tells where each task went, WEEs how each attempt went.',
    messages: [journalBatch],
    bindings: queue(queues.journal),
  },
  {
    name: 'control',
    server: 'amqp',
    address: exchanges.control,
    title: 'From LE to every WEE',
    description:
      'A fanout exchange. `cancel` names dispatches that must not start, or must stop; `void` names a region that `active` has left, and the new epoch: what was placed under a lower one, or for `any` in that region, is not to be started. Nothing is kept for those who are away: LE repeats both to every WEE that appears.',
    messages: [control],
    bindings: fanout(exchanges.control),
  },
  {
    name: 'heartbeats',
    server: 'amqp',
    address: exchanges.heartbeats,
    title: 'From every WEE to every LE',
    description:
      'A fanout exchange, every 5 s: proof that a WEE consumes. One that is silent for 30 s is lost.',
    messages: [heartbeat],
    bindings: fanout(exchanges.heartbeats),
  },
  {
    name: 'observations',
    server: 'amqp',
    address: exchanges.observations,
    title: 'How probes of nodes ended, from every LE to every LE',
    description:
      'A fanout exchange. Each LE tells of the ends that it has written down; the one that observes makes verdicts of them. Nothing is kept: what is not heard is silence, and the next probe tells again.',
    messages: [observations],
    bindings: fanout(exchanges.observations),
  },
  {
    name: 'marker',
    server: 'amqp',
    address: queues.marker,
    title: 'One message that tells whether the broker was wiped',
    description:
      'A quorum queue of length one. Whoever connects and finds it gone, or naming another generation, tells the store.',
    messages: [marker],
    bindings: queue(queues.marker),
  },
  {
    name: 'dead',
    server: 'amqp',
    address: queues.dead,
    title: 'Messages that nobody could read',
    description:
      'A quorum queue of at most 10,000 messages and 256 MiB; the oldest go. Any body, as it was, with the headers `tenma-queue` and `tenma-reason` (`dropped`, `not_json`, `delivery_limit`). For people; no service reads it.',
    messages: [],
    bindings: queue(queues.dead),
  },
];
