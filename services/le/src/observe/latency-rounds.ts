import { vectorAfter } from '@tenma/geo';
import { isTerminal, type Json, type LatencyVector, observePrincipal, timestamp } from '@tenma/protocol';
import { type Clock, type Log, slotAfter, splayOf } from '@tenma/runtime';
import { z } from 'zod';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
import type { FleetWatch } from '../fleet-watch.ts';
import type { GeoSettings } from '../geo/settings.ts';
import { latencySight } from '../geo/view.ts';
import type { Changed } from '../ledger.ts';
import { createWakeable } from '../wakeable.ts';
import { type LatencyTargets, latencyTargets, latencyType } from './latency-targets.ts';
import { endedAt } from './observation-teller.ts';
import type { Recurring, Scheduler } from './scheduler.ts';

/** Has every region that can measure measured from, slot by slot, and keeps what comes of it. */
export interface LatencyRounds extends AsyncDisposable {
  /** An ended measurement becomes part of what is known of its region, on whichever replica its end is written. */
  onChange(changes: readonly Changed[]): void;
}

interface Components {
  readonly documents: DocumentCache;
  readonly settings: GeoSettings;
  readonly scheduler: Scheduler;
  readonly fleet: Pick<FleetWatch, 'view'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Label on a measurement: the region it measures from. */
export const latencyLabel = 'tenma-latency';
/** Lost races of a write after which the measurement is given up: the next round follows. */
const triesMax = 5;

export function startLatencyRounds(components: Components): LatencyRounds {
  const { documents, settings, clock, log } = components;
  const rounds = settings.enabled ? keepRounds(components) : undefined;
  const folding = createFolding({ documents, settings, clock, log });
  return {
    onChange(changes) {
      for (const changed of changes) {
        const from = measuredFrom(changed);
        if (from !== null) folding.add(from, changed);
      }
    },
    async [Symbol.asyncDispose]() {
      rounds?.[Symbol.dispose]();
    },
  };
}

/** One recurring measurement for each region; a slot at which no WEE of the region can measure stays empty. */
function keepRounds({ documents, settings, scheduler, fleet, clock }: Components): Disposable {
  const everyMs = settings.latencyIntervalMs;
  const targets = latencyTargets({ documents, fleet, clock });
  return documents.onChange((changes) => {
    for (const { kind, id: from } of changes) {
      if (kind !== 'region') continue;
      if (documents.get('region', from)) scheduler.set(roundsOf(from, everyMs, targets));
      else scheduler.remove(recurringId(from));
    }
  });
}

function recurringId(from: string): string {
  return `latency:${from}`;
}

function roundsOf(from: string, everyMs: number, targets: LatencyTargets): Recurring {
  const id = recurringId(from);
  const offset = splayOf(id, everyMs);
  return {
    id,
    principal: observePrincipal,
    slotAfter: (after) => slotAfter(after, everyMs, offset),
    tasksFor(slot) {
      const measured = targets.of(from, Math.floor(slot / everyMs));
      if (measured.length === 0) return [];
      return [
        {
          type: latencyType,
          input: { targets: measured.map((target) => ({ ...target })) },
          region: from,
          labels: { [latencyLabel]: from },
          retry: { max_attempts: 1 },
          deadline: timestamp(slot + everyMs),
          idempotency_key: `${id}:${timestamp(slot)}`,
        },
      ];
    },
  };
}

/** The region that an ended measurement of ours is from; null for everything else. */
function measuredFrom({ before, after: { spec, life }, output }: Changed): string | null {
  if (spec.type !== latencyType || spec.principal !== observePrincipal || output === undefined) return null;
  if (!isTerminal(life.state) || isTerminal(before.life.state)) return null;
  return spec.labels[latencyLabel] ?? null;
}

/** Of the output of a `latency-probe`, what is kept. */
const outputSchema = z.object({
  results: z.array(z.object({ region_id: z.string(), samples_ms: z.array(z.number().nonnegative()) })),
});

interface Measured {
  readonly to: string;
  readonly samplesMs: readonly number[];
  readonly at: number;
}

/** Writes measurements into the vectors of their regions, those that come together in one write. */
function createFolding({
  documents,
  settings,
  clock,
  log,
}: Pick<Components, 'documents' | 'settings' | 'clock' | 'log'>) {
  const waiting = new Map<string, Measured[]>();

  async function round(): Promise<void> {
    const taken = new Map(waiting);
    waiting.clear();
    for (let tries = 0; tries < triesMax; tries += 1) {
      if ((await documents.write(writesFor(taken))) === null) return;
    }
    log.warn({ regions: [...taken.keys()] }, 'measured latencies are not kept: their vectors kept changing');
  }

  function writesFor(taken: ReadonlyMap<string, readonly Measured[]>): Write[] {
    const { places, vectors } = latencySight(documents, clock.now());
    const plan = { places, roundMs: settings.latencyIntervalMs };
    const all = new Map<string, LatencyVector>(vectors);
    const writes: Write[] = [];
    for (const [from, measured] of taken) {
      if (!documents.get('region', from)) continue;
      const before = documents.get('latency', from);
      const value = vectorAfter(before?.value ?? null, from, measured, all, plan);
      all.set(from, value);
      writes.push({ kind: 'latency', id: from, expected: before?.version ?? 0, value });
    }
    return writes;
  }

  const folding = createWakeable(round, (error) =>
    log.warn({ err: error }, 'measured latencies are not kept; the next round brings new ones'),
  );
  return {
    add(from: string, { after, output }: Changed): void {
      const measured = measuredIn(output ?? null, Math.min(clock.now(), endedAt(after)));
      if (measured.length === 0) return;
      waiting.set(from, [...(waiting.get(from) ?? []), ...measured]);
      folding.wake();
    },
  };
}

/** The samples of a measurement, together for each peer region. */
function measuredIn(output: Json, at: number): Measured[] {
  const parsed = outputSchema.safeParse(output);
  if (!parsed.success) return [];
  const samples = new Map<string, number[]>();
  for (const { region_id: to, samples_ms: taken } of parsed.data.results) {
    if (taken.length > 0) samples.set(to, [...(samples.get(to) ?? []), ...taken]);
  }
  return [...samples].map(([to, samplesMs]) => ({ to, samplesMs, at }));
}
