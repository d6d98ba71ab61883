import { expect, test } from 'vitest';
import { parseBrokerAddress } from './broker-address.ts';

test('a URL gives host, port and credentials, and a name without the password', () => {
  expect(parseBrokerAddress('mqtt://us%40er:p%3Aa:ss@broker.example:1884')).toEqual({
    protocol: 'mqtt',
    hostname: 'broker.example',
    port: 1884,
    username: 'us@er',
    password: 'p:a:ss',
    display: 'mqtt://broker.example:1884',
  });
  expect(parseBrokerAddress('mqtts://[::1]')).toEqual({
    protocol: 'mqtts',
    hostname: '::1',
    display: 'mqtts://[::1]',
  });
  expect(parseBrokerAddress('ws://localhost:8080/mqtt')).toMatchObject({ protocol: 'ws', path: '/mqtt' });
});

test.each(['nonsense', 'http://secret@host', 'mqtt://'])('%s is refused without being repeated', (url) => {
  expect(() => parseBrokerAddress(url)).toThrow(TypeError);
  expect(() => parseBrokerAddress(url)).not.toThrow('secret');
});
