import { ConfigError } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { leConfig } from './config.ts';

const urls = {
  TENMA_AMQP_URL: 'amqp://127.0.0.1',
  TENMA_MQTT_URL: 'mqtt://127.0.0.1',
  TENMA_STORE_URL: 'sqlite:tenma.db',
};

describe('the first active region', () => {
  it.each(['osaka', 'us-east-1'])('may be any region: %s', (id) => {
    expect(leConfig({ ...urls, TENMA_ACTIVE_REGION: id }).ACTIVE_REGION).toBe(id);
  });

  it.each(['active', 'any', 'none'])('cannot be %s, which means something else', (id) => {
    const read = () => leConfig({ ...urls, TENMA_ACTIVE_REGION: id });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/TENMA_ACTIVE_REGION: .*mean something else/);
  });
});
