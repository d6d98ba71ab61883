import type { Channel } from './messages.ts';

type Service = 'LE' | 'IC' | 'WEE' | 'client';
type Row = readonly [service: Service, action: 'send' | 'receive', channel: string, summary: string];

/** Who sends and who receives on each channel. */
const rows: readonly Row[] = [
  ['LE', 'send', 'dispatch', 'Sends out tasks that are due'],
  ['LE', 'receive', 'journal', 'Writes down what became of tasks; acknowledges after the commit'],
  ['LE', 'receive', 'heartbeats', 'Takes attempts away from a WEE that is silent for 30 s'],
  ['LE', 'send', 'control', 'Tells WEEs what not to start, or to abort; and that `active` has moved'],
  ['LE', 'send', 'observations', 'Tells of the probes of nodes whose end it has written down'],
  ['LE', 'receive', 'observations', 'Makes verdicts of them, on the replica that observes'],
  ['LE', 'send', 'marker', 'Writes the generation after a wiped broker has been made good'],
  ['LE', 'receive', 'marker', 'Reads the generation at every connection, and leaves it there'],
  ['LE', 'send', 'taskResult', 'Announces ends that no WEE has: cancelled, expired, lost'],
  ['LE', 'receive', 'taskProgress', 'Forwards progress to those who follow a task over HTTP'],
  ['LE', 'receive', 'worker', 'Learns task types, shows the fleet'],
  ['LE', 'send', 'region', 'Tells how each region fares'],
  ['LE', 'receive', 'region', 'Finds what is retained of regions that are gone'],
  ['LE', 'send', 'node', 'Tells how each node fares'],
  ['LE', 'receive', 'node', 'Finds what is retained of nodes that are gone'],
  ['LE', 'send', 'activeRegion', 'Tells where `active` points'],
  ['LE', 'send', 'latency', 'Tells what was measured from each region'],
  ['LE', 'receive', 'latency', 'Finds what is retained of regions that are gone'],
  ['LE', 'send', 'failover', 'Tells of a failover, once'],
  ['LE', 'receive', 'failover', 'Learns which failovers another replica has announced'],
  ['IC', 'receive', 'dispatch', 'Places each task of a batch'],
  ['IC', 'send', 'pool', 'Puts a placed task into the queue of its pool'],
  ['IC', 'send', 'journal', 'Tells where each task went, or why it cannot go'],
  ['IC', 'receive', 'worker', 'Keeps its view of the fleet'],
  ['WEE', 'receive', 'pool', 'Takes tasks; acknowledges when the journal has their end'],
  ['WEE', 'send', 'journal', 'Tells how attempts went'],
  ['WEE', 'send', 'heartbeats', 'Proves that it consumes'],
  [
    'WEE',
    'receive',
    'control',
    'Drops or aborts what is cancelled; drops what was placed before `active` moved',
  ],
  ['WEE', 'send', 'taskResult', 'Announces successes and final failures'],
  ['WEE', 'send', 'taskProgress', 'Passes on what workers report'],
  ['WEE', 'send', 'taskState', 'Tells that an attempt runs'],
  ['WEE', 'send', 'worker', 'Says who it is and what it can run'],
  ['client', 'receive', 'taskResult', 'Waits for results'],
  ['client', 'receive', 'taskProgress', 'Follows a task'],
  ['client', 'receive', 'taskState', 'Follows a task'],
  ['client', 'receive', 'worker', 'Watches the fleet'],
  ['client', 'receive', 'region', 'Watches regions'],
  ['client', 'receive', 'node', 'Watches nodes'],
  ['client', 'receive', 'activeRegion', 'Follows the active region'],
  ['client', 'receive', 'latency', 'Watches round trips'],
  ['client', 'receive', 'failover', 'Hears of failovers'],
];

/** The operations object. @throws when a channel has nobody, or a row names none */
export function operations(channels: readonly Channel[]): Record<string, object> {
  const byName = new Map(channels.map((channel) => [channel.name, channel]));
  const used = new Set(rows.map(([, , channel]) => channel));
  const idle = channels.filter(({ name, messages }) => messages.length > 0 && !used.has(name));
  if (idle.length > 0) throw new Error(`no operation for ${idle.map(({ name }) => name).join(', ')}`);
  return Object.fromEntries(
    rows.map(([service, action, name, summary]) => {
      const channel = byName.get(name);
      if (!channel) throw new Error(`no channel is named ${name}`);
      const messages = channel.messages.map((message) => ({
        $ref: `#/channels/${name}/messages/${message.name}`,
      }));
      const operation = {
        action,
        channel: { $ref: `#/channels/${name}` },
        summary,
        tags: [{ name: service }],
        messages,
      };
      return [`${service.toLowerCase()}.${action}.${name}`, operation];
    }),
  );
}
