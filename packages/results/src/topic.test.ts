import { describe, expect, test } from 'vitest';
import { assertFilter, assertTopic, matchesFilter } from './topic.ts';

describe('a filter', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/b/c', 'a/b', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/b/d', false],
    ['+/b', 'a/b', true],
    ['#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'b', false],
    ['a/+/#', 'a', false],
    ['#', '$SYS/uptime', false],
    ['+/uptime', '$SYS/uptime', false],
    ['$SYS/#', '$SYS/uptime', true],
  ])('%s and the topic %s: %s', (filter, topic, expected) => {
    expect(matchesFilter(filter, topic)).toBe(expected);
  });

  test.each(['', 'a+/b', 'a/#/b', 'a#', 'a\0b', 'a/'.repeat(40)])('%j is refused', (filter) => {
    expect(() => assertFilter(filter)).toThrow(TypeError);
  });
});

describe('a topic', () => {
  test.each(['', 'a/+', 'a/#', '$SYS/a', 'a\0b', 'a/'.repeat(40), 'a'.repeat(70_000)])(
    '%.20j is refused',
    (topic) => {
      expect(() => assertTopic(topic)).toThrow(TypeError);
    },
  );

  test('of names and slashes is accepted', () => {
    expect(() => assertTopic('tenma/v1/tasks/a/b/c/result')).not.toThrow();
  });
});
