import { expect, test } from 'vitest';
import { isThisMachine } from './this-machine.ts';

test.each([
  'amqp://guest:guest@127.0.0.1:5672/tenma',
  'amqp://localhost',
  'amqps://[::1]:5671',
  'http://127.1.2.3:8080/',
])('%s leads here', (url) => expect(isThisMachine(url)).toBe(true));

test.each([
  'amqp://rabbitmq:5672',
  'http://127.0.0.1.example:8080',
  'http://localhost.example',
  'http://192.0.2.127:80',
  '/api',
])('%s leads elsewhere', (url) => expect(isThisMachine(url)).toBe(false));
