import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { presenceSchema } from '@tenma/protocol';
import { ConfigError, silentLog, systemClock } from '@tenma/runtime';
import { expect, test } from 'vitest';
import { weeConfig } from '../config.ts';
import { answerFrom, identity, resultsForTest } from '../fixture.ts';
import { startWee } from '../wee.ts';
import type { EchoOptions } from './responder.ts';

/** What a WEE with this echo responder says of itself: the first of its presences. */
async function presenceWith(echo: EchoOptions | undefined) {
  const base = { clock: systemClock(), log: silentLog(), random: Math.random };
  await using bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
  const { results, presences } = resultsForTest();
  await using _le = await answerFrom(bus, new Map(), 1);
  await using _wee = await startWee(
    { ...base, bus, results },
    {
      ...identity,
      version: '0',
      packages: ['@tenma/workers/testing'],
      environment: {},
      processes: 1,
      echo,
    },
  );
  return presenceSchema.parse(presences[0]);
}

test('presence says where others measure the round trip to the WEE, or that they cannot', async () => {
  expect((await presenceWith({ host: '127.0.0.1', port: 0 })).echo).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  const advertise = 'tokyo.example:7007';
  expect((await presenceWith({ host: '127.0.0.1', port: 0, advertise })).echo).toBe(advertise);
  expect((await presenceWith(undefined)).echo).toBeNull();
});

test('a WEE listens for echoes only where it is told a port, on loopback unless told where', () => {
  const urls = { TENMA_AMQP_URL: 'amqp://localhost', TENMA_MQTT_URL: 'mqtt://localhost' };
  const configOf = (settings: Record<string, string>) => weeConfig({ ...urls, ...settings });
  expect(configOf({}).ECHO_PORT).toBeUndefined();
  expect(configOf({ TENMA_ECHO_PORT: '7007' })).toMatchObject({ ECHO_PORT: 7007, ECHO_HOST: '127.0.0.1' });
  expect(() => configOf({ TENMA_ECHO_PORT: '70000' })).toThrow(ConfigError);
  expect(() => configOf({ TENMA_ECHO_ADVERTISE: 'http://tokyo.example' })).toThrow(/ECHO_ADVERTISE/);
});

test('a WEE that listens on every interface has to be told where others should dial', () => {
  const settings = {
    TENMA_AMQP_URL: 'amqp://localhost',
    TENMA_MQTT_URL: 'mqtt://localhost',
    TENMA_ECHO_HOST: '0.0.0.0',
    TENMA_ECHO_PORT: '7007',
  };
  expect(() => weeConfig(settings)).toThrow(/TENMA_ECHO_ADVERTISE: host:port is needed/);
  const told = { ...settings, TENMA_ECHO_ADVERTISE: 'tokyo.example:7007' };
  expect(weeConfig(told).ECHO_ADVERTISE).toBe('tokyo.example:7007');
});
