import { silentLog, systemClock } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import type { Bus, Delivery, Verdict } from '../bus.ts';

/** What an adapter's test gives to the contract. */
export interface BusFixture extends AsyncDisposable {
  /** Another bus on the same broker, connected. The test disposes it. */
  connect(): Promise<Bus>;
  /** Puts text into a queue that no bus would put there. */
  inject(queue: string, text: string): Promise<void>;
  /** The name of the dead queue. */
  readonly deadQueue: string;
}

/** What every test of the contract has to hand; made anew for each. */
export interface ContractContext {
  readonly fixture: BusFixture;
  readonly bus: Bus;
  /** A name that no other test uses. */
  readonly queue: string;
  /** Waits until the queue has as many messages ready; null: until there is no such queue. */
  readonly depthIs: (queue: string, depth: number | null) => Promise<void>;
}

export const durable = { kind: 'durable' } as const;
export const transient = { kind: 'transient' } as const;

/** Collects what is delivered and answers with what it is told. */
export function collector(
  answer: (delivery: Delivery, count: number) => Promise<Verdict> | Verdict = () => 'ack',
) {
  const deliveries: Delivery[] = [];
  return {
    deliveries,
    handler: (delivery: Delivery) => answer(delivery, deliveries.push(delivery)),
    count: (count: number) =>
      until(() => deliveries.length >= count, { everyMs: 5, what: `delivery ${count}` }),
  };
}

/** Deliveries whose answers the test holds in its hand. */
export function holder() {
  const held: { delivery: Delivery; answer: (verdict: Verdict) => void }[] = [];
  return {
    held,
    handler: (delivery: Delivery) =>
      new Promise<Verdict>((resolve) => void held.push({ delivery, answer: resolve })),
    count: (count: number) =>
      until(() => held.length >= count, { everyMs: 5, what: `held delivery ${count}` }),
  };
}

export const bodiesOf = (deliveries: readonly Delivery[]) => deliveries.map(({ body }) => body);

/** What both adapters are made of in tests. */
export const testComponents = { clock: systemClock(), log: silentLog(), random: Math.random };
