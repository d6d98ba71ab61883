import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventParser } from './sse.ts';

describe('the parser of server-sent events', () => {
  it('reads the fields of an event and skips comments and unknown fields', () => {
    const parse = createEventParser();
    expect(parse(': heartbeat\n\nid: 7\nevent: a\ndata: one\ndata:two\nretry: 5\nnonsense\n\n')).toEqual([
      { event: 'a', data: 'one\ntwo', id: '7' },
    ]);
  });

  it('carries the last id to events that have none, and drops an event without data', () => {
    const parse = createEventParser();
    expect(parse('id: 1\n\nevent: b\ndata: x\n\n')).toEqual([{ event: 'b', data: 'x', id: '1' }]);
  });

  it('does not give an event whose end has not come', () => {
    const parse = createEventParser();
    expect(parse('data: half')).toEqual([]);
    expect(parse('\n')).toEqual([]);
    expect(parse('\n')).toEqual([{ event: 'message', data: 'half', id: undefined }]);
  });

  it('gives the same events however the stream is cut and whichever line ends it uses', () => {
    const line = fc.string({ unit: fc.constantFrom('a', ':', ' ', 'é', '"') });
    const event = fc.record({ name: fc.constantFrom('x', 'y'), lines: fc.array(line, { minLength: 1 }) });
    fc.assert(
      fc.property(
        fc.array(event),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(12)),
        (events, end, cuts) => {
          const text = events
            .flatMap(({ name, lines }) => [`event: ${name}`, ...lines.map((data) => `data: ${data}`), ''])
            .map((written) => written + end)
            .join('');
          const parse = createEventParser();
          const seen = [...cut(text, cuts), '\n'].flatMap((piece) => parse(piece));
          expect(seen).toEqual(
            events.map(({ name, lines }) => ({ event: name, data: lines.join('\n'), id: undefined })),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

function cut(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  let rest = text;
  for (const length of lengths) {
    pieces.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return [...pieces, rest];
}
