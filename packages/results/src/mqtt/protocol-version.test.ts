import { expect, test } from 'vitest';
import { createVersionChoice, type VersionOutcome } from './protocol-version.ts';

test.each<[why: string, outcomes: VersionOutcome[], version: number]>([
  ['MQTT 5 comes first', [], 5],
  ['a broker that refuses gets 3.1.1', ['refused'], 4],
  ['and that is remembered', ['refused', 'accepted', 'unrelated', 'no answer', 'unrelated'], 4],
  ['a broker that closes without a word gets 3.1.1', ['no answer'], 4],
  ['and MQTT 5 again when that had no answer either', ['no answer', 'no answer'], 5],
  ['a guess is not remembered', ['no answer', 'accepted', 'unrelated'], 5],
  ['a broker known to speak MQTT 5 may fall silent', ['accepted', 'no answer'], 5],
  ['a broker replaced by a newer one gets MQTT 5', ['refused', 'refused'], 5],
  ['an absent broker changes nothing', ['unrelated', 'unrelated'], 5],
])('%s', (_why, outcomes, version) => {
  const choice = createVersionChoice();
  for (const outcome of outcomes) choice.after(outcome);
  expect(choice.version).toBe(version);
});
