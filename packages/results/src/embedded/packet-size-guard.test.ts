import { expect, test } from 'vitest';
import { packetSizeCheck } from './packet-size-guard.ts';

const small = [0x30, 3, 1, 2, 3];
const large = [0x30, 0x80, 0x80, 4];

test('small packets pass, however they are cut into chunks', () => {
  const check = packetSizeCheck(1_000);
  for (const byte of [...small, 0xc0, 0, ...small]) expect(check(Uint8Array.of(byte))).toBe(true);
  expect(check(Uint8Array.from([...small, 0xc0, 0, ...small]))).toBe(true);
});

test('a packet over the limit is refused at its header, before its body', () => {
  expect(packetSizeCheck(1_000)(Uint8Array.from(large))).toBe(false);
  expect(packetSizeCheck(65_536)(Uint8Array.from(large))).toBe(true);
  const check = packetSizeCheck(1_000);
  expect(check(Uint8Array.from(small))).toBe(true);
  expect(check(Uint8Array.from(large))).toBe(false);
});

test('a length of more than four bytes is refused', () => {
  expect(packetSizeCheck(1_000)(Uint8Array.from([0x30, 0x80, 0x80, 0x80, 0x80, 0]))).toBe(false);
});
