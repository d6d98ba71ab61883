import {
  chooseConfirmer,
  createDetector,
  type Detector,
  type Effect,
  judgeFailover,
  type Pace,
  type Sighting,
} from '@tenma/geo';
import { slotAfter, splayOf } from '@tenma/runtime';
import type { Prober } from './prober.ts';
import type { Random } from './random.ts';
import type { Active, Register } from './register.ts';
import type { Timeline } from './timeline.ts';
import { type SimulatedNode, type World, works } from './world.ts';

/** One LE. While it leads it observes and asks for failovers; any of them may act on a proposal. */
export interface Replica {
  readonly name: string;
  readonly alive: boolean;
  lead(): void;
  stepDown(): void;
  die(): void;
  revive(): void;
  /** Stopped like a process by SIGSTOP: what was to happen happens when it wakes. */
  pause(forMs: number): void;
  sighted(sighting: Sighting): void;
  /** Judges by what is written down, and moves `active` by compare-and-set. */
  act(from: string, switched: () => void): void;
}

interface Surroundings {
  readonly world: World;
  readonly register: Register;
  readonly prober: Prober;
  readonly pace: Pace;
  readonly cooldownMs: number;
  readonly random: Random;
  readonly timeline: Timeline;
  /** A region is to be left: let workers of another confirm it, and somebody act. */
  readonly propose: (from: string, confirmer: string, done: () => void) => void;
}

const tickMs = 250;

export function createReplica(name: string, around: Surroundings): Replica {
  return new SimulatedReplica(name, around);
}

class SimulatedReplica implements Replica {
  readonly name: string;
  readonly #around: Surroundings;
  readonly #nodes: ReadonlyMap<string, SimulatedNode>;
  alive = true;
  #pausedUntil = 0;
  #active: Active;
  /** Null: it does not lead. */
  #detector: Detector | null = null;
  /** Of its lead, in the register. */
  #leaderTerm = 0;
  /** Grows whenever what was planned no longer holds. */
  #term = 0;
  readonly #plans = new Map<string, number>();
  #proposing = false;
  #nextTryAt = 0;

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.#around = around;
    this.#nodes = new Map(around.world.nodes.map((node) => [node.nodeId, node]));
    this.#active = around.register.active;
    around.register.onMove(() =>
      around.timeline.after(around.random.between(5, 300), () => this.#awake(() => this.#hearOfMove())),
    );
  }

  lead(): void {
    const { world, register, pace, timeline } = this.#around;
    const now = timeline.now;
    this.#term += 1;
    this.#active = register.active;
    this.#proposing = false;
    this.#nextTryAt = 0;
    const detector = createDetector(pace);
    this.#detector = detector;
    this.#leaderTerm = register.newTerm();
    const { verdicts } = register;
    for (const { regionId } of world.regions)
      this.#follow(detector.setRegion({ regionId, maintenance: false }, now, verdicts.regions.get(regionId)));
    for (const node of world.nodes) {
      this.#follow(detector.setNode(this.#watched(node), now, verdicts.nodes.get(node.nodeId)));
      this.#plan(node);
    }
    this.#tick(this.#term);
  }

  stepDown(): void {
    this.#term += 1;
    this.#detector = null;
  }

  die(): void {
    this.stepDown();
    this.alive = false;
  }

  revive(): void {
    this.alive = true;
    this.#active = this.#around.register.active;
  }

  pause(forMs: number): void {
    this.#pausedUntil = this.#around.timeline.now + forMs;
  }

  sighted(sighting: Sighting): void {
    if (!this.#detector) return;
    this.#awake(() => {
      if (this.#detector) this.#follow(this.#detector.sighted(sighting, this.#around.timeline.now));
    });
  }

  act(from: string, switched: () => void): void {
    this.#awake(() => {
      const { timeline, random, register } = this.#around;
      const { epoch } = this.#active;
      const judgement = this.#judge(from);
      if (!judgement.allowed || !this.alive) return;
      timeline.after(random.between(2, 50), () => {
        if (register.moveActive(epoch, judgement.to)) {
          switched();
          this.#hearOfMove();
        }
      });
    });
  }

  #awake(act: () => void): void {
    if (this.#around.timeline.now < this.#pausedUntil) this.#around.timeline.at(this.#pausedUntil, act);
    else act();
  }

  #tick(term: number): void {
    if (term !== this.#term || !this.#detector) return;
    const { timeline } = this.#around;
    this.#follow(this.#detector.tick(timeline.now));
    this.#considerFailover(this.#detector);
    timeline.after(tickMs, () => this.#awake(() => this.#tick(term)));
  }

  #considerFailover(detector: Detector): void {
    const { timeline, propose, pace, world } = this.#around;
    const from = this.#active.regionId;
    if (this.#proposing || timeline.now < this.#nextTryAt) return;
    if (detector.region(from)?.status !== 'offline' || !this.#judge(from).allowed) return;
    const confirmer = chooseConfirmer({
      from,
      withWorkers: world.regions.filter(works).map(({ regionId }) => regionId),
      lastSawUp: (regionId) => detector.lastSawUp(regionId, timeline.now),
    });
    if (confirmer === null) return;
    this.#proposing = true;
    const term = this.#term;
    propose(from, confirmer, () => {
      if (term !== this.#term) return;
      this.#proposing = false;
      this.#nextTryAt = timeline.now + pace.activeIntervalMs;
    });
  }

  #judge(from: string) {
    const { world, register, cooldownMs, timeline } = this.#around;
    const regions = world.regions.map(({ regionId, priority }) => {
      const { status, quarantined } = register.verdicts.regions.get(regionId) ?? {
        status: 'unknown' as const,
        quarantined: false,
      };
      return {
        regionId,
        priority,
        status,
        quarantined,
        workers: true,
        nodes: true,
        location: { lat: 0, lon: 0 },
      };
    });
    const { lastFailoverAt } = this.#active;
    return judgeFailover(
      { from, prefer: 'priority', automatic: true },
      { regions, active: this.#active, lastFailoverAt, cooldownMs, now: timeline.now, roundTripMs: () => 1 },
    );
  }

  #hearOfMove(): void {
    const { register, world, timeline } = this.#around;
    const was = this.#active.regionId;
    this.#active = register.active;
    if (!this.#detector || was === this.#active.regionId) return;
    for (const node of world.nodes) {
      const { regionId } = node.region;
      if (regionId !== was && regionId !== this.#active.regionId) continue;
      this.#follow(this.#detector.setNode(this.#watched(node), timeline.now));
      this.#plan(node);
    }
  }

  #watched(node: SimulatedNode) {
    const { nodeId, observers, region } = node;
    return { nodeId, regionId: region.regionId, observers, intervalMs: this.#intervalOf(node) };
  }

  #intervalOf({ region }: SimulatedNode): number {
    const { activeIntervalMs, intervalMs } = this.#around.pace;
    return region.regionId === this.#active.regionId ? activeIntervalMs : intervalMs;
  }

  /** From now on probes of the node follow its slots of today. */
  #plan(node: SimulatedNode): void {
    const plan = (this.#plans.get(node.nodeId) ?? 0) + 1;
    this.#plans.set(node.nodeId, plan);
    const term = this.#term;
    const { timeline, prober } = this.#around;
    const intervalMs = this.#intervalOf(node);
    for (const observer of node.observers) {
      const offsetMs = splayOf(`${node.nodeId}/${observer}`, intervalMs);
      const planSlot = () => {
        const slot = slotAfter(timeline.now, intervalMs, offsetMs);
        timeline.at(slot, () =>
          this.#awake(() => {
            if (term !== this.#term || this.#plans.get(node.nodeId) !== plan) return;
            // A slot that was slept through is left out.
            if (timeline.now === slot) prober.slot(node, observer, slot, intervalMs);
            planSlot();
          }),
        );
      };
      planSlot();
    }
  }

  #follow(effects: readonly Effect[]): void {
    const { register, prober, timeline } = this.#around;
    for (const effect of effects) {
      if (effect.kind !== 'look_again') {
        register.write(this.#leaderTerm, effect);
        continue;
      }
      const { nodeId, observer, at } = effect;
      const node = this.#nodes.get(nodeId);
      if (!node) continue;
      const term = this.#term;
      timeline.at(at, () =>
        this.#awake(() => {
          if (term === this.#term) prober.probe(node, observer, this.#intervalOf(node));
        }),
      );
    }
  }
}
