import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { icConfig } from '../../services/ic/src/config.ts';
import { leConfig } from '../../services/le/src/config.ts';
import { weeConfig } from '../../services/wee/src/config.ts';

interface Service {
  image: string;
  build?: string;
  command?: string[];
  init?: boolean;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  mem_limit?: string;
  pids_limit?: number;
  restart?: string;
  stop_grace_period?: string;
  ports?: string[];
  environment?: Record<string, string | number>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  volumes?: string[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(`${root}/compose.yaml`, 'utf8');
const compose = JSON.parse(JSON.stringify(parse(text, { merge: true })), (_, value: unknown) =>
  typeof value === 'string' ? withDefaults(value) : value,
) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const configs = { le: leConfig, ic: icConfig, wee: weeConfig };
const own = Object.keys(configs) as (keyof typeof configs)[];

/** What compose makes of `${NAME:-default}` where nothing is set; a name without a default would be an empty string. */
function withDefaults(template: string): string {
  return template.replaceAll(/\$\{(\w+)(?::-([^}]*))?\}/g, (_, name: string, value?: string) => {
    if (value === undefined) throw new Error(`${name} has no default`);
    return value;
  });
}

function environmentOf(service: Service): Record<string, string> {
  return Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [name, String(value)]),
  );
}

describe('compose.yaml', () => {
  test('has the three services, their brokers and their database, and nothing else', () => {
    expect(Object.keys(compose.services).toSorted()).toEqual([
      'ic',
      'le',
      'mosquitto',
      'postgres',
      'rabbitmq',
      'wee',
    ]);
    expect(Object.keys(compose)).not.toContain('version');
  });

  test.each(services)(
    '%s publishes on loopback only, restarts, is limited and can be scaled',
    (_, service) => {
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      expect(service).toMatchObject({
        restart: 'unless-stopped',
        security_opt: ['no-new-privileges:true'],
        mem_limit: expect.any(String) as string,
      });
      expect(service).not.toHaveProperty('container_name');
      expect(service).not.toHaveProperty('privileged');
      expect(service).not.toHaveProperty('network_mode');
    },
  );

  test.each(own)('%s runs the image hardened, from a file that exists', (name) => {
    const service = compose.services[name]!;
    expect(service).toMatchObject({
      image: compose.services['le']!.image,
      command: [`services/${name}/src/main.ts`],
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      ...(name === 'wee' ? { mem_limit: '1g', pids_limit: 512 } : { mem_limit: '512m', pids_limit: 256 }),
    });
    expect(service.tmpfs).toHaveLength(1);
    expect(service).not.toHaveProperty('cap_add');
    expect(service).not.toHaveProperty('volumes');
    expect(existsSync(`${root}/${service.command![0]}`)).toBe(true);
  });

  test.each(own)('%s understands the whole environment it is given', (name) => {
    const environment = environmentOf(compose.services[name]!);
    const config = configs[name](environment);
    const known = Object.keys(config).map((key) => `TENMA_${key}`);
    expect(Object.keys(environment).filter((key) => !known.includes(key))).toEqual([]);
  });

  test('only LE has a port, and listens where Docker can reach it', () => {
    expect(own.filter((name) => compose.services[name]!.ports)).toEqual(['le']);
    expect(leConfig(environmentOf(compose.services['le']!))).toMatchObject({
      HTTP_HOST: '0.0.0.0',
      HTTP_PORT: 8080,
    });
  });

  test('a WEE is given more time to stop than it takes to drain', () => {
    const wee = compose.services['wee']!;
    const graceSeconds = Number.parseInt(wee.stop_grace_period ?? '', 10);
    expect(graceSeconds * 1000).toBeGreaterThan(weeConfig(environmentOf(wee)).DRAIN_MS + 5_000);
  });

  test('LE and the brokers say how they are', () => {
    const checked = services.filter(([, { healthcheck }]) => healthcheck).map(([name]) => name);
    expect(checked.toSorted()).toEqual(['le', 'mosquitto', 'postgres', 'rabbitmq']);
    for (const { depends_on } of Object.values(compose.services)) {
      for (const [name, { condition }] of Object.entries(depends_on ?? {})) {
        expect(condition === 'service_healthy' ? checked : Object.keys(compose.services)).toContain(name);
      }
    }
  });

  test('every mounted file is here, and every named volume is declared', () => {
    for (const mount of services.flatMap(([, { volumes }]) => volumes ?? [])) {
      const source = mount.split(':')[0]!;
      if (source.startsWith('.')) expect(existsSync(`${root}/${source}`), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });
});

test('the image runs as a user without privileges, without a shell in between', () => {
  const last = readFileSync(`${root}/Dockerfile`, 'utf8')
    .split(/^FROM /m)
    .at(-1);
  expect(last).toMatch(/^USER 10001:10001$/m);
  expect(last).toMatch(/^ENTRYPOINT \["node"\]$/m);
  expect(last).toMatch(/^STOPSIGNAL SIGTERM$/m);
});
