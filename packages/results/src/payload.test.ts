import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodePayload, encodePayload } from './payload.ts';

const event = (data: unknown) => ({
  specversion: '1.0',
  id: '1',
  source: '/test',
  type: 'tenma.test.v1',
  datacontenttype: 'application/json',
  data,
});
const large = { list: Array.from({ length: 10_000 }, (_, n) => `number ${n}`) };

describe('the wire form of a CloudEvent', () => {
  test('has its data as JSON up to 64 KiB of it', async () => {
    const small = event('x'.repeat(60_000));
    expect(JSON.parse((await encodePayload(small)).text)).toEqual(small);
  });

  test('has larger data packed, and says how', async () => {
    const { text, contentType } = await encodePayload(event(large));
    const { data_base64: base64, ...attributes } = JSON.parse(text) as { data_base64: string };
    const { data: _data, ...expected } = event(large);
    expect(attributes).toEqual({ ...expected, contentencoding: 'zstd' });
    expect(JSON.parse(zstdDecompressSync(Buffer.from(base64, 'base64')).toString())).toEqual(large);
    expect(contentType).toBe('application/cloudevents+json');
    expect(text.length).toBeLessThan(JSON.stringify(large).length / 2);
  });

  test('is left to what is none', async () => {
    const other = { data: large };
    expect(await encodePayload(other)).toEqual({
      text: JSON.stringify(other),
      contentType: 'application/json',
    });
  });
});

describe('a received payload', () => {
  const packed = (bytes: Buffer, contentencoding: string) => {
    const { data: _data, ...attributes } = event(null);
    return JSON.stringify({ ...attributes, contentencoding, data_base64: bytes.toString('base64') });
  };
  const text = JSON.stringify(large);

  test.each([
    ['zstd', zstdCompressSync(text)],
    ['gzip', gzipSync(text)],
  ])('is unpacked: %s', async (encoding, bytes) => {
    expect(await decodePayload(packed(bytes, encoding))).toEqual(event(large));
  });

  test.each([
    ['packed in a way that is not known', zstdCompressSync(text), 'br'],
    ['not what its packing says', Buffer.from(text), 'zstd'],
    ['no JSON once unpacked', zstdCompressSync('{'), 'zstd'],
    ['a bomb', zstdCompressSync(Buffer.alloc(128 * 1024 * 1024)), 'zstd'],
  ])('is null when it is %s', async (_what, bytes, encoding) => {
    expect(await decodePayload(packed(bytes, encoding))).toBeNull();
  });

  test('of a stranger is left as it is when its binary data says nothing of packing', () => {
    const theirs = { specversion: '1.0', id: '1', data_base64: 'AAEC' };
    expect(decodePayload(JSON.stringify(theirs))).toEqual(theirs);
  });
});
