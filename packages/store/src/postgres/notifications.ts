/** PostgreSQL takes payloads of less than 8,000 bytes; an id with its comma has 37. */
const idsEach = 200;

/** Payloads that carry the ids and say who sends them. */
export function notificationPayloads(sender: string, taskIds: readonly string[]): string[] {
  const payloads: string[] = [];
  for (let start = 0; start < taskIds.length; start += idsEach) {
    payloads.push(`${sender} ${taskIds.slice(start, start + idsEach).join(',')}`);
  }
  return payloads;
}

/** The ids in a payload, or null when it is the receiver's own or none of ours. */
export function notifiedIds(receiver: string, payload: string): string[] | null {
  const [sender, ids] = payload.split(' ');
  return sender === receiver || !ids ? null : ids.split(',');
}
