import type { Bus } from '@tenma/bus';
import type { Results } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { FailoverControl } from '../control/failover.ts';
import type { InTurn } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { GeoSettings } from '../geo/settings.ts';
import type { Metrics } from '../metrics.ts';
import type { TaskFlow } from '../task-flow.ts';

export interface HttpComponents extends Omit<TaskFlow, 'mover' | typeof Symbol.asyncDispose> {
  readonly store: Store;
  readonly bus: Bus;
  readonly results: Results;
  readonly metrics: Metrics;
  readonly documents: DocumentCache;
  readonly failover: FailoverControl;
  readonly settings: GeoSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly leId: string;
}

/** What the routes have to work with. */
export interface RouteComponents extends HttpComponents {
  /** Aborted when the app closes: no answer may hold that up. */
  readonly closing: AbortSignal;
  /** Changes of regions and nodes, one after the other. */
  readonly inTurn: InTurn;
}
