/** More than any topic of ours has; brokers bound it too, because matching costs by the level. */
export const maxTopicLevels = 32;
const maxTopicBytes = 65_535;

function assertName(name: string, kind: string): void {
  if (name === '') throw new TypeError(`an MQTT ${kind} is not empty`);
  if (name.includes('\0')) throw new TypeError(`an MQTT ${kind} holds no NUL`);
  if (Buffer.byteLength(name) > maxTopicBytes)
    throw new TypeError(`an MQTT ${kind} has at most 65,535 bytes`);
  if (name.split('/').length > maxTopicLevels) {
    throw new TypeError(`the MQTT ${kind} "${name}" has more than ${maxTopicLevels} levels`);
  }
}

/**
 * What may be announced: a name without wildcards that does not begin with `$`, which is the broker's own ground.
 * @throws TypeError
 */
export function assertTopic(topic: string): void {
  assertName(topic, 'topic');
  if (/[+#]/.test(topic)) throw new TypeError(`the MQTT topic "${topic}" holds a wildcard`);
  if (topic.startsWith('$'))
    throw new TypeError(`the MQTT topic "${topic}" begins with $, which is the broker's own`);
}

/**
 * What may be subscribed to: `+` is a whole level, `#` the whole last one (MQTT 3.1.1, 4.7.1).
 * @throws TypeError
 */
export function assertFilter(filter: string): void {
  assertName(filter, 'filter');
  const levels = filter.split('/');
  for (const [index, level] of levels.entries()) {
    if (level === '+' || (level === '#' && index === levels.length - 1)) continue;
    if (/[+#]/.test(level))
      throw new TypeError(`a wildcard in the MQTT filter "${filter}" is not a level of its own`);
  }
}

/**
 * Whether a message to `topic` is for a subscription to `filter` (MQTT 3.1.1, 4.7): `#` stands for its parent and all
 * below it; a leading wildcard does not see topics that begin with `$`.
 */
export function matchesFilter(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}
