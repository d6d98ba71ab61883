import type { Store } from '../store.ts';
import type { ShiftedClock } from './shifted-clock.ts';

/** An empty store of its own for a test, which goes with the fixture. */
interface StoreFixture extends AsyncDisposable {
  readonly store: Store;
  /** The store's. */
  readonly clock: ShiftedClock;
}

export type CreateFixture = () => Promise<StoreFixture>;
