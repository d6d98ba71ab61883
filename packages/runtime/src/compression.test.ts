import { randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack, UnpackError } from './compression.ts';

const thresholdBytes = 1_024;
const mebibyte = 1024 * 1024;

function failureOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe('packing', () => {
  it('gives back what went in, whatever it was', async () => {
    const repeated = fc
      .tuple(fc.string({ unit: 'binary' }), fc.nat(20_000))
      .map(([text, times]) => text.repeat(times));
    await fc.assert(
      fc.asyncProperty(repeated, async (text) => {
        const { bytes, encoding } = await pack(text, { thresholdBytes });
        const unpacked = await unpack(bytes, encoding, 64 * mebibyte);
        expect.assert(unpacked.equals(Buffer.from(text)), 'the same bytes');
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['few bytes', Buffer.alloc(thresholdBytes)],
    ['bytes that hardly get fewer', randomBytes(10_000)],
  ])('leaves %s as they are', (_what, bytes) => {
    expect(pack(bytes, { thresholdBytes })).toEqual({ bytes, encoding: 'identity' });
  });

  it('does at once what is small, and elsewhere what is large', async () => {
    const small = pack('a'.repeat(200_000), { thresholdBytes });
    const large = pack('a'.repeat(2 * mebibyte), { thresholdBytes });
    expect(small).toMatchObject({ encoding: 'zstd' });
    expect(large).toBeInstanceOf(Promise);
    const [{ bytes: few }, { bytes: many }] = await Promise.all([small, large]);
    expect(unpack(few, 'zstd', 64 * mebibyte)).toHaveLength(200_000);
    expect(unpack(many, 'zstd', 64 * mebibyte)).toBeInstanceOf(Promise);
  });
});

describe('unpacking', () => {
  it('knows gzip', async () => {
    expect((await unpack(gzipSync('text'), 'gzip', mebibyte)).toString()).toBe('text');
  });

  it.each([
    ['zstd', zstdCompressSync(Buffer.alloc(256 * mebibyte))],
    ['gzip', gzipSync(Buffer.alloc(256 * mebibyte))],
    ['identity', Buffer.alloc(17 * mebibyte)],
  ] as const)('refuses a bomb of %s without making what it stands for', async (encoding, bomb) => {
    const before = process.memoryUsage().rss;
    const refused = (async () => unpack(bomb, encoding, 16 * mebibyte))();
    await expect(refused).rejects.toThrow(`more than ${16 * mebibyte} bytes`);
    await expect(refused).rejects.toMatchObject({ name: 'UnpackError', reason: 'too_large' });
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * mebibyte);
  });

  it('takes exactly as much as it may', async () => {
    const packed = zstdCompressSync(Buffer.alloc(mebibyte));
    expect(await unpack(packed, 'zstd', mebibyte)).toHaveLength(mebibyte);
    await expect((async () => unpack(packed, 'zstd', mebibyte - 1))()).rejects.toThrow(UnpackError);
  });

  it('reads all frames of zstd, one after the other, whatever is in them', async () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', 'x'.repeat(16 * 1024), 'y'.repeat(300_000)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 2, maxLength: 5 }), async (parts) => {
        const packed = Buffer.concat(parts.map((text) => zstdCompressSync(text)));
        const unpacked = await unpack(packed, 'zstd', 64 * mebibyte);
        expect.assert(unpacked.equals(Buffer.from(parts.join(''))), 'the same bytes');
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['bytes', 1_000, 2_000],
    ['mebibytes', mebibyte, 2 * mebibyte],
  ])('takes no more of several frames together than it may: %s', async (_what, each, both) => {
    const frame = zstdCompressSync(Buffer.alloc(each));
    const two = Buffer.concat([frame, frame]);
    expect(await unpack(two, 'zstd', both)).toHaveLength(both);
    expect(await unpack(Buffer.concat([two, zstdCompressSync('')]), 'zstd', both)).toHaveLength(both);
    for (const most of [both - 1, each])
      await expect(unpack(two, 'zstd', most)).rejects.toMatchObject({ reason: 'too_large' });
  });

  it.each([
    [
      'what is none after the last frame',
      Buffer.concat([zstdCompressSync('hello'), Buffer.from('garbage!')]),
    ],
    [
      'a frame after another that ends early',
      Buffer.concat([zstdCompressSync('a'), zstdCompressSync('b').subarray(0, 8)]),
    ],
    [
      'more frames than anybody makes',
      Buffer.concat(Array.from({ length: 10_001 }, () => zstdCompressSync(''))),
    ],
  ])('refuses %s', async (_what, bytes) => {
    await expect(unpack(bytes, 'zstd', mebibyte)).rejects.toMatchObject({ reason: 'corrupt' });
  });

  it.each([
    ['bytes that are none', Buffer.from('hello'), 'zstd'],
    ['bytes that are none', Buffer.from('hello'), 'gzip'],
    ['bytes that end early', zstdCompressSync('hello'.repeat(1_000)).subarray(0, 15), 'zstd'],
  ] as const)('tells %s from too many: %s as %s', (_what, bytes, encoding) => {
    expect(failureOf(() => unpack(bytes, encoding, mebibyte))).toMatchObject({ reason: 'corrupt' });
  });
});
