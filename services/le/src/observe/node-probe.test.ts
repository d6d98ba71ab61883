import { type NodeProbe as ProbeSettings, type NodeType, submissionSchema } from '@tenma/protocol';
import { describe, expect, test } from 'vitest';
import { node } from './fixtures/region-documents.ts';
import { probeOf, probeTask } from './node-probe.ts';

const timeoutMs = 2_000;

function probed(endpoint: string, node_type: NodeType = 'general', probe: ProbeSettings = {}) {
  return probeOf(node('n', 'tokyo', { endpoint, node_type, probe }).value, timeoutMs);
}

describe('how a node is probed', () => {
  test.each<[NodeType, string]>([
    ['general', 'probe-http'],
    ['gpu', 'probe-http'],
    ['scheduler', 'probe-http'],
    ['storage', 'probe-tcp'],
  ])('follows from its type: %s by %s', (nodeType, type) => {
    expect(probed('127.0.0.1:8000', nodeType)).toMatchObject({ type });
  });

  test.each([
    ['127.0.0.1:8000', 'http://127.0.0.1:8000/'],
    ['[::1]:8000', 'http://[::1]:8000/'],
    ['node.example:80', 'http://node.example/'],
    ['https://node.example/healthz?full=1', 'https://node.example/healthz?full=1'],
  ])('asks %s by HTTP for %s and takes every answer but a fault of the server', (endpoint, url) => {
    expect(probed(endpoint).input).toEqual({ url, expect_status: ['200-499'], timeout_ms: timeoutMs });
  });

  test.each([
    ['127.0.0.1:9000', '127.0.0.1', 9_000],
    ['[2001:db8::1]:9000', '2001:db8::1', 9_000],
    ['https://node.example/data', 'node.example', 443],
    ['http://node.example', 'node.example', 80],
    ['http://[::1]:81/', '::1', 81],
  ])('connects to the port of %s by TCP', (endpoint, host, port) => {
    const input = { host, port, timeout_ms: timeoutMs };
    expect(probed(endpoint, 'storage')).toEqual({ type: 'probe-tcp', input });
  });

  test.each([
    ['probe-tls', 'node.example:443', { host: 'node.example', port: 443 }],
    ['probe-icmp', 'node.example:1', { host: 'node.example', count: 1 }],
    ['probe-dns', 'node.example:53', { name: 'node.example' }],
    ['probe-dns', '127.0.0.1:53', { name: 'localhost', server: '127.0.0.1:53' }],
    ['probe-dns', '[::1]:53', { name: 'localhost', server: '[::1]:53' }],
  ])('makes the input of %s from %s', (type, endpoint, input) => {
    expect(probed(endpoint, 'general', { type })).toEqual({
      type,
      input: { ...input, timeout_ms: timeoutMs },
    });
  });

  test('takes the input that its owner gives, with a timeout where that says none', () => {
    const input = { url: 'http://127.0.0.1:1/healthz', expect_status: ['2xx'] };
    expect(probed('127.0.0.1:1', 'gpu', { input }).input).toEqual({ ...input, timeout_ms: timeoutMs });
    const patient = { ...input, timeout_ms: 9_000 };
    expect(probed('127.0.0.1:1', 'gpu', { input: patient }).input).toEqual(patient);
  });

  test('hands the endpoint to a probe that it does not know', () => {
    expect(probed('127.0.0.1:1', 'gpu', { type: 'my-probe' })).toEqual({
      type: 'my-probe',
      input: { endpoint: '127.0.0.1:1' },
    });
    const input = { depth: 3 };
    expect(probed('127.0.0.1:1', 'gpu', { type: 'my-probe', input })).toEqual({ type: 'my-probe', input });
  });

  test.each([
    [5, 10],
    [99_000, 30_000],
    [800.4, 800],
  ])('keeps a timeout of %d ms within what the probes take: %d', (wanted, timeout_ms) => {
    expect(probeOf(node('n', 'tokyo').value, wanted).input).toMatchObject({ timeout_ms });
  });
});

describe('the task of a probe', () => {
  const slot = Date.parse('2026-02-20T10:00:07.000Z');
  const record = node('n1', 'tokyo').value;
  const probing = {
    node: record,
    observer: 'dublin',
    probe: probeOf(record, timeoutMs),
    slot,
    at: slot,
    intervalMs: 30_000,
    timeoutMs,
  };

  test('is one attempt in the region that looks, and expires at the end of its slot', () => {
    const task = probeTask(probing);
    expect(task).toEqual({
      type: 'probe-http',
      input: { url: 'http://127.0.0.1:8000/', expect_status: ['200-499'], timeout_ms: 2_000 },
      region: 'dublin',
      priority: 8,
      timeout_ms: 3_000,
      deadline: '2026-02-20T10:00:37.000Z',
      retry: { max_attempts: 1 },
      labels: { 'tenma-node': 'n1' },
      idempotency_key: `observe:n1:dublin:${slot}`,
    });
    expect(submissionSchema.safeParse(task).success).toBe(true);
  });

  test('is given the time of a probe, however short its slot is', () => {
    expect(probeTask({ ...probing, intervalMs: 200 }).deadline).toBe('2026-02-20T10:00:10.000Z');
    const input = { ...record, probe: { input: { url: 'http://127.0.0.1:1/', timeout_ms: 20_000 } } };
    const slow = probeTask({ ...probing, probe: probeOf(input, timeoutMs), intervalMs: 1_000 });
    expect(slow).toMatchObject({ timeout_ms: 21_000, deadline: '2026-02-20T10:00:28.000Z' });
  });

  test('that looks again in a slot is another one, with time of its own', () => {
    const task = probeTask({ ...probing, at: slot + 29_000 });
    expect(task.idempotency_key).toBe(`observe:n1:dublin:${slot}:again-29000`);
    expect(task.deadline).toBe('2026-02-20T10:00:39.000Z');
  });
});
