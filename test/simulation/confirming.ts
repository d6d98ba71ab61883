import type { Pace } from '@tenma/geo';
import type { Timeline } from './timeline.ts';
import { hopMs, probe, type Probing, type World, works } from './world.ts';

/** `unanswered`: no worker could say anything; then what the observers saw stands. */
export type Found = 'fail_over' | 'stay' | 'unanswered';

/** The `region-failover` task: in the region `by`, every node of the lost one is probed once more, twice over. */
export function confirmLoss(
  world: World,
  { regionId, by }: { regionId: string; by: string },
  { pace, timeline, probing }: { pace: Pace; timeline: Timeline; probing: Probing },
  done: (found: Found) => void,
): void {
  const { random } = probing;
  const lost = world.regions.find((region) => region.regionId === regionId);
  const observer = world.regions.find((region) => region.regionId === by);
  timeline.after(hopMs(random), () => {
    const unanswered = () => timeline.after(pace.confirmTimeoutMs, () => done('unanswered'));
    if (!lost || !observer || !works(observer)) return unanswered();
    const answers = lost.nodes.map((node) => {
      const first = probe(observer, node, pace.confirmTimeoutMs, probing);
      // The second try begins after a third of the time, whatever became of the first.
      const delay = pace.confirmTimeoutMs / 3;
      const second = probe(observer, node, pace.confirmTimeoutMs - delay, probing);
      const up = [first, { ...second, afterMs: second.afterMs + delay }].filter(
        (one) => one.outcome === 'up',
      );
      return up.length > 0
        ? { up: true, afterMs: Math.min(...up.map(({ afterMs }) => afterMs)) }
        : { up: false, afterMs: Math.max(first.afterMs, second.afterMs + delay) };
    });
    const down = answers.filter(({ up }) => !up).length;
    timeline.after(Math.max(...answers.map(({ afterMs }) => afterMs)), () => {
      if (!works(observer)) return unanswered();
      timeline.after(hopMs(random), () => done(down * 2 > answers.length ? 'fail_over' : 'stay'));
    });
  });
}
