import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { FromHost } from './messages.ts';
import { linesOf, readMessages } from './pipes.ts';

/** What is read of these chunks, which come as they are here. */
function read(chunks: readonly Buffer[], maxCharacters = 100): { messages: unknown[]; faults: string[] } {
  const messages: unknown[] = [];
  const faults: string[] = [];
  const pipe = new PassThrough();
  readMessages(pipe, maxCharacters, {
    onMessage: (message) => messages.push(message),
    onFault: (why) => faults.push(why),
  });
  for (const chunk of chunks) pipe.emit('data', chunk.toString());
  return { messages, faults };
}

const text = (...lines: string[]) => Buffer.from(lines.join(''));

describe('messages in a pipe', () => {
  test('are the same however they are cut', async () => {
    const sent = [{ a: 'é\n€😀' }, [], null, { b: { c: 1 } }];
    const bytes = Buffer.from(sent.map((message) => `${JSON.stringify(message)}\n`).join(''));
    for (let size = 1; size <= bytes.length; size += 1) {
      const messages: unknown[] = [];
      const pipe = new PassThrough();
      readMessages(pipe, 100, {
        onMessage: (message) => messages.push(message),
        onFault: (why) => messages.push(why),
      });
      for (let at = 0; at < bytes.length; at += size) pipe.write(bytes.subarray(at, at + size));
      pipe.end();
      await new Promise((resolve) => pipe.once('close', resolve));
      expect(messages).toEqual(sent);
    }
  });

  test.each([
    ['garbage', text('1\n', 'garbage\n', '2\n')],
    ['an empty line', text('1\n', '\n', '2\n')],
    ['half a message', text('1\n', '{"a":{"a":1}\n', '2\n')],
  ])('end with a fault at %s', (_what, chunk) => {
    const faults = ['sent what is no message of its host'];
    expect(read([chunk, text('3\n')])).toEqual({ messages: [1], faults });
  });

  test('end with a fault as soon as one is too long, with or without an end', () => {
    const long = JSON.stringify('x'.repeat(99));
    const faults = ['sent a message of more than 100 characters'];
    expect(read([text('1\n', long, '\n')])).toEqual({ messages: [1], faults });
    expect(read([text(long.slice(0, 60)), text(long.slice(60)), text('\n')])).toEqual({
      messages: [],
      faults,
    });
    expect(read([text(JSON.stringify('x'.repeat(98)), '\n')]).faults).toEqual([]);
  });

  test('of many events come as several, in order, where they would be too long', () => {
    const events = Array.from({ length: 9 }, (_, run_id) => ({
      kind: 'progress' as const,
      run_id,
      progress: 'x'.repeat(60),
    }));
    const { messages, faults } = read([text(linesOf({ kind: 'events', events }, 250))], 250);
    expect(faults).toEqual([]);
    expect(messages.length).toBeGreaterThan(2);
    const told = (messages as (FromHost & { kind: 'events' })[]).flatMap((message) => message.events);
    expect(told).toEqual(events);
  });

  test('go whole where there is nothing to divide', () => {
    const one: FromHost = { kind: 'answer', ask_id: 1, error: 'x'.repeat(200) };
    expect(linesOf(one, 100)).toBe(`${JSON.stringify(one)}\n`);
  });
});
