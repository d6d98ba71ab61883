import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Changed } from './ledger.ts';

/** What LE counts, for Prometheus. Ids are never labels. */
export interface Metrics {
  submitted(type: string): void;
  onChange(changes: readonly Changed[]): void;
  /** Read at each scrape. */
  gauge(name: string, help: string, read: () => number): void;
  text(): Promise<string>;
  readonly contentType: string;
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const submitted = new Counter({
    name: 'tenma_tasks_submitted_total',
    help: 'Tasks accepted',
    labelNames: ['type'],
    registers,
  });
  const finished = new Counter({
    name: 'tenma_tasks_finished_total',
    help: 'Tasks ended, by final state',
    labelNames: ['type', 'state'],
    registers,
  });
  const retries = new Counter({
    name: 'tenma_task_retries_total',
    help: 'Attempts that failed and will be repeated',
    labelNames: ['type'],
    registers,
  });
  const queueSeconds = new Histogram({
    name: 'tenma_task_queue_duration_seconds',
    help: 'From ready to started, of the last attempt',
    labelNames: ['type'],
    buckets: seconds,
    registers,
  });
  const runSeconds = new Histogram({
    name: 'tenma_task_run_duration_seconds',
    help: 'From started to finished, of the last attempt',
    labelNames: ['type'],
    buckets: seconds,
    registers,
  });

  return {
    submitted: (type) => submitted.inc({ type }),
    onChange(changes) {
      for (const { before, after } of changes) {
        const { type } = after.spec;
        const { state, startedAt, finishedAt, readyAt } = after.life;
        if (state === 'retrying' && before.life.state !== 'retrying') retries.inc({ type });
        if (finishedAt === null || before.life.finishedAt !== null) continue;
        finished.inc({ type, state });
        if (startedAt === null) continue;
        queueSeconds.observe({ type }, Math.max(0, startedAt - readyAt) / 1_000);
        runSeconds.observe({ type }, Math.max(0, finishedAt - startedAt) / 1_000);
      }
    },
    gauge(name, help, read) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
