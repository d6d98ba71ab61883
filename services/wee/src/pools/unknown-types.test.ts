import { expect, test } from 'vitest';
import { keptLog } from '../catalog/log-lines.fixture.ts';
import { warnOfUnknownTypes } from './unknown-types.ts';

const bounds = { min: 0, max: 1 };
const types = [{ type: 'sum' }, { type: 'echo' }, { type: 'echo' }];

test('a type that no worker has is named beside those that are known, with the variable', () => {
  const { log, lines } = keptLog();
  warnOfUnknownTypes(log, { ecko: bounds, sum: bounds }, types);
  expect(lines).toMatchObject([{ level: 'warn', fields: { unknown: ['ecko'], known: ['echo', 'sum'] } }]);
  expect(lines[0]?.message).toMatch(/^TENMA_POOLS names ecko, .*loaded: echo, sum$/);
});

test('where all are known nothing is said', () => {
  const { log, lines } = keptLog();
  warnOfUnknownTypes(log, { echo: bounds }, types);
  warnOfUnknownTypes(log, {}, []);
  expect(lines).toEqual([]);
});
