import type { Bus } from '@tenma/bus';
import {
  exchanges,
  type Json,
  type Observation,
  type ObservationBatch,
  observePrincipal,
  probeLabels,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { TaskControl } from '@tenma/store';
import type { Changed } from '../ledger.ts';

/** Tells the replica that observes how the probes ended that this one has written down. */
export interface ObservationTeller {
  onChange(changes: readonly Changed[]): void;
}

interface Components {
  readonly bus: Pick<Bus, 'broadcast'>;
  readonly log: Log;
}

const reasonLength = 200;

export function createObservationTeller({ bus, log }: Components, leId: string): ObservationTeller {
  return {
    onChange(changes) {
      const observations = changes.map(observationOf).filter((one) => one !== null);
      if (observations.length === 0) return;
      const batch: ObservationBatch = { from: leId, observations };
      // What is not heard is silence, which says nothing of a node; the next slot tells again.
      bus
        .broadcast(exchanges.observations, batch)
        .catch((error: unknown) => log.debug({ err: error, dropped: observations.length }, 'not broadcast'));
    },
  };
}

/** Null for what is no end of the probe of a node. */
export function observationOf({ before, after, output }: Changed): Observation | null {
  const { spec, life } = after;
  const node = spec.principal === observePrincipal ? spec.labels[probeLabels.node] : undefined;
  if (node === undefined || life.finishedAt === null || before.life.finishedAt !== null) return null;
  const common = { node_id: node, observer: spec.region, at: endedAt(after), task_id: spec.id };
  if (life.state !== 'succeeded') {
    // The attempt took too long, its worker failed, or nobody took it in time: the node has not been seen.
    const reason = life.error?.code ?? life.reason ?? life.state;
    return { ...common, outcome: 'lost', round_trip_ms: null, reason: reason.slice(0, reasonLength) };
  }
  const { verdict, reason } = fieldsOf(output);
  if (verdict !== 'up' && verdict !== 'down') {
    return { ...common, outcome: 'lost', round_trip_ms: null, reason: 'no_verdict' };
  }
  return {
    ...common,
    outcome: verdict,
    round_trip_ms: roundTripOf(output, verdict),
    reason: typeof reason === 'string' ? reason.slice(0, reasonLength) : null,
  };
}

/**
 * By LE's clock as far as it can be told: the end is by that of the WEE, and no probe ends before LE has made it. Ends that
 * waited long in the journal stay old, as their tasks are.
 */
export function endedAt({ spec, life }: TaskControl): number {
  return Math.max(life.finishedAt ?? 0, spec.createdAt);
}

/** The purest round trip that the output of a probe tells of: the echo, the TCP handshake, a whole exchange. */
function roundTripOf(output: Json | undefined, verdict: 'up' | 'down'): number | null {
  const { rtt, timings } = fieldsOf(output);
  const { connect_ms: handshake, total_ms: whole } = fieldsOf(timings);
  // Of one that is down, the whole is the time until it was given up.
  const candidates = [fieldsOf(rtt)['avg_ms'], handshake, verdict === 'up' ? whole : null];
  return (candidates.find((one) => typeof one === 'number' && one >= 0) as number | undefined) ?? null;
}

function fieldsOf(json: Json | undefined): Partial<Record<string, Json>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};
}
