/** How often nodes are probed and what it takes to believe the answers. Milliseconds. */
export interface Pace {
  /** Between two probes of a node by one observer: in the active region, and in the others. */
  readonly activeIntervalMs: number;
  readonly intervalMs: number;
  /** Of one probe. */
  readonly timeoutMs: number;
  /** After a first failure, the next probe follows this long after the answer. */
  readonly reprobeMs: number;
  /** A region has to stay offline this long before anybody acts on it. */
  readonly holdMs: number;
  /** Of the fresh probes before a failover. */
  readonly confirmTimeoutMs: number;
  /** Allowed for the way through the fabric, over all steps. */
  readonly fabricMs: number;
  /** Observers of a node: 3 by default, up to 5. */
  readonly observers: number;
  /** In a row, for one observer to see a node down, and up again. */
  readonly failures: number;
  readonly successes: number;
}

export const presets = ['default', 'fast'] as const;
export type Preset = (typeof presets)[number];

/** Why these figures: docs/detection.md. */
export const paces: Record<Preset, Pace> = {
  default: {
    activeIntervalMs: 10_000,
    intervalMs: 30_000,
    timeoutMs: 3_000,
    reprobeMs: 1_000,
    holdMs: 1_000,
    confirmTimeoutMs: 3_000,
    fabricMs: 2_000,
    observers: 3,
    failures: 3,
    successes: 2,
  },
  fast: {
    activeIntervalMs: 1_000,
    intervalMs: 1_000,
    timeoutMs: 800,
    reprobeMs: 250,
    holdMs: 500,
    confirmTimeoutMs: 800,
    fabricMs: 2_000,
    observers: 3,
    failures: 3,
    successes: 2,
  },
};

/**
 * From the loss of the active region to the switch, at the worst: the loss comes right after a probe has begun, and all
 * that follow wait for their whole timeout.
 */
export function worstCaseSwitchMs(pace: Pace): number {
  const probing = pace.failures * pace.timeoutMs + (pace.failures - 1) * pace.reprobeMs;
  return pace.activeIntervalMs + probing + pace.holdMs + pace.confirmTimeoutMs + pace.fabricMs;
}

/** An answer counts until the next one is overdue: an interval and a timeout later, and the way through the fabric. */
export function freshForMs(pace: Pace, intervalMs: number): number {
  return intervalMs + pace.timeoutMs + pace.fabricMs;
}
