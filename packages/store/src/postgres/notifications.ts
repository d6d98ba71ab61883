import type { Channel } from '../store.ts';

/** PostgreSQL takes payloads of less than 8,000 bytes; the id of a task with its comma has 37, a kind has fewer. */
const idsEach = 200;

const channels: Readonly<Record<string, Channel>> = { tasks: 'tasks', documents: 'documents' };

export interface Notification {
  readonly channel: Channel;
  readonly ids: readonly string[];
}

/** Payloads that carry the ids and say who sends them; `LISTEN` knows one channel, so they name ours. */
export function notificationPayloads(sender: string, { channel, ids }: Notification): string[] {
  const payloads: string[] = [];
  for (let start = 0; start < ids.length; start += idsEach) {
    payloads.push(`${sender} ${channel} ${ids.slice(start, start + idsEach).join(',')}`);
  }
  return payloads;
}

/** What a payload says, or null when it is the receiver's own or none of ours. */
export function notificationOf(receiver: string, payload: string): Notification | null {
  const [sender, name, ids] = payload.split(' ');
  const channel = channels[name ?? ''];
  return sender === receiver || !channel || !ids ? null : { channel, ids: ids.split(',') };
}
