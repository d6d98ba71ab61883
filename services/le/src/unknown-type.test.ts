import { expect, test } from 'vitest';
import type { TaskTypes } from './task-types.ts';
import { unknownType } from './unknown-type.ts';

const typesWith = (loaded: boolean) => ({ loaded, all: () => [] }) as unknown as TaskTypes;

test('a type is unknown once what is remembered has been read; before that nobody knows, and it is worth asking again', () => {
  expect(unknownType(typesWith(false), 'echo')).toMatchObject({ code: 'store_unavailable', retryable: true });
  expect(unknownType(typesWith(true), 'echo', '#/type')).toMatchObject({
    code: 'unknown_type',
    retryable: false,
    errors: [{ pointer: '#/type' }],
  });
});
