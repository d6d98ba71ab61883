import { z } from 'zod';

/** One status, a class such as `2xx`, or a range such as `200-299`. */
const expectedStatus = z.union([
  z.int().min(100).max(599),
  z.string().regex(/^([1-5]xx|[1-5]\d\d-[1-5]\d\d)$/, 'must be like 2xx or 200-299'),
]);
export type ExpectedStatus = z.infer<typeof expectedStatus>;

export const expectStatusSchema = z
  .array(expectedStatus)
  .min(1)
  .max(50)
  .describe('Any of these is well: a status, a class such as `2xx`, a range such as `200-299`.');

export function isExpected(status: number, expected: readonly ExpectedStatus[]): boolean {
  return expected.some((entry) => {
    if (typeof entry === 'number') return entry === status;
    if (entry.endsWith('xx')) return Math.floor(status / 100) === Number(entry[0]);
    const [from, to] = entry.split('-').map(Number);
    return from !== undefined && to !== undefined && from <= status && status <= to;
  });
}
