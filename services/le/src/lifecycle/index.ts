export { firstLife, retriedByHand, sentStraight, specOf } from './accept.ts';
export { asksTheSame } from './asks-the-same.ts';
export { onCancel } from './on-cancel.ts';
export { onClock, type PoolSight } from './on-clock.ts';
export { onEvent, onLost } from './on-event.ts';
export { onRegionLeft } from './on-region-left.ts';
export { type Moment, next, type Step, startBy } from './step.ts';
