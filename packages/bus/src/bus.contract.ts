import { until } from '@tenma/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import type { Bus } from './bus.ts';
import { brokerContract } from './contract/broker.contract.ts';
import { consumersContract } from './contract/consumers.contract.ts';
import type { BusFixture } from './contract/context.ts';
import { deliveriesContract } from './contract/deliveries.contract.ts';

export { type BusFixture, testComponents } from './contract/context.ts';

/** What every bus keeps to, whatever carries it: each adapter's test runs this. */
export function busContract({ name, create }: { name: string; create: () => Promise<BusFixture> }): void {
  describe(`the ${name} bus`, () => {
    let fixture: BusFixture;
    let bus: Bus;
    let number = 0;

    beforeAll(async () => {
      fixture = await create();
    });
    afterAll(() => fixture[Symbol.asyncDispose]());
    beforeEach(async () => {
      bus = await fixture.connect();
      number += 1;
    });
    afterEach(() => bus[Symbol.asyncDispose]());

    const context = {
      get fixture() {
        return fixture;
      },
      get bus() {
        return bus;
      },
      get queue() {
        return `q${number}`;
      },
      depthIs: (queue: string, depth: number | null) =>
        until(async () => (await bus.depth(queue)) === depth, { what: `a depth of ${depth} in ${queue}` }),
    };
    deliveriesContract(context);
    consumersContract(context);
    brokerContract(context);
  });
}
