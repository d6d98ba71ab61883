import type { FleetView } from '@tenma/fleet';
import type { RegionStatus } from '@tenma/protocol';
import type { TaskControl } from '@tenma/store';

/** What an explanation looks at beside the task itself. Times are Unix milliseconds. */
export interface Surroundings {
  readonly now: number;
  readonly fleet: FleetView;
  /** Null as long as it is not known. */
  readonly activeRegion: string | null;
  /** Null of what is not registered. */
  readonly statusOf: (region: string) => RegionStatus | null;
  /** Due tasks of its type for its region, itself among them; null: nobody has counted them. */
  readonly due: number | null;
  /** What the dispatcher says of its limits when it is due, going on from "it is"; null: they do not keep it. */
  readonly limited: string | null;
}

/** The summary is a sentence; each line tells one thing that it rests on. */
export interface Explanation {
  readonly summary: string;
  readonly lines: readonly string[];
}

export type Explain = (task: TaskControl, around: Surroundings) => Explanation;
