import type { Bus } from '@tenma/bus';
import { exchanges, type Presence, timestamp } from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { Announcer } from './announcer.ts';
import type { EpochGate } from './epoch-gate.ts';
import type { PoolSet } from './pools/pool-set.ts';
import { heartbeatOf, presenceOf, type WeeIdentity } from './presence.ts';
import type { Roster } from './releases/interfaces.ts';
import type { Runner } from './runner.ts';

/** How a WEE says that it is there: to all on MQTT, and to LE over the way its work takes. */
export interface Voice {
  status: Presence['status'];
  speak(): Promise<void>;
  beat(): Promise<void>;
  /** Both. */
  tell(): Promise<void>;
}

interface Components {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly announcer: Announcer;
  readonly pools: Pick<PoolSet, 'open'>;
  readonly roster: Roster;
  readonly runner: Runner;
  readonly gate: EpochGate;
  /** Where it answers to measurements. */
  readonly echo: string | null;
}

export function createVoice(components: Components, identity: WeeIdentity): Voice {
  const { bus, clock, announcer, pools, roster, runner, gate, echo } = components;
  const since = timestamp(clock.now());
  const voice: Voice = {
    status: 'draining',
    speak() {
      const { status } = voice;
      return announcer.presence(presenceOf(identity, { pools: pools.open, roster, echo, status, since }));
    },
    async beat() {
      const heartbeat = heartbeatOf(identity, {
        at: clock.now(),
        running: runner.runningIds,
        awaitsEpoch: !gate.open,
        pools: pools.open,
        reports: roster.reports,
      });
      // It tells of now: one that cannot be sent now is not worth sending later.
      await bus.broadcast(exchanges.heartbeats, heartbeat).catch(() => undefined);
    },
    async tell() {
      await voice.speak();
      await voice.beat();
    },
  };
  return voice;
}
