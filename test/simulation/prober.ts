import type { Sighting } from '@tenma/geo';
import { hopMs, probe, type Probing, type SimulatedNode, type World, works } from './world.ts';
import type { Timeline } from './timeline.ts';

/** Probe tasks: through the fabric to the workers of a region, to the node, and back to LE. */
export interface Prober {
  /** A slot is probed once, whoever asks for it. `expiresAfterMs`: when a probe that nobody runs ends as lost. */
  slot(node: SimulatedNode, observer: string, slot: number, expiresAfterMs: number): void;
  probe(node: SimulatedNode, observer: string, expiresAfterMs: number): void;
  readonly probes: number;
}

export function createProber(
  world: World,
  timeline: Timeline,
  probing: Probing & { readonly timeoutMs: number },
  tell: (sighting: Sighting) => void,
): Prober {
  const regions = new Map(world.regions.map((region) => [region.regionId, region]));
  const lastSlots = new Map(world.nodes.map((node) => [node, new Map<string, number>()]));
  let probes = 0;

  function send(node: SimulatedNode, observer: string, expiresAfterMs: number): void {
    const region = regions.get(observer);
    if (!region) return;
    probes += 1;
    const { nodeId } = node;
    timeline.after(hopMs(probing.random), () => {
      const lose = () =>
        timeline.after(expiresAfterMs, () =>
          tell({ nodeId, observer, outcome: 'lost', at: timeline.now, reason: 'expired' }),
        );
      if (!works(region)) return lose();
      const { outcome, afterMs } = probe(region, node, probing.timeoutMs, probing);
      timeline.after(afterMs, () => {
        if (!works(region)) return lose();
        const at = timeline.now;
        timeline.after(hopMs(probing.random), () => tell({ nodeId, observer, outcome, at, reason: null }));
      });
    });
  }

  return {
    slot(node, observer, slot, expiresAfterMs) {
      const slots = lastSlots.get(node);
      if (!slots || (slots.get(observer) ?? 0) >= slot) return;
      slots.set(observer, slot);
      send(node, observer, expiresAfterMs);
    },
    probe: send,
    get probes() {
      return probes;
    },
  };
}
