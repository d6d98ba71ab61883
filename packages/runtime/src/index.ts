export { type BackoffPolicy, fullJitterMs, reconnectBackoff } from './backoff.ts';
export { type Batcher, type BatcherOptions, createBatcher } from './batcher.ts';
export { type Clock, every, sleep, systemClock } from './clock.ts';
export {
  type Encoding,
  pack,
  type Packed,
  type PackOptions,
  unpack,
  UnpackError,
} from './compression.ts';
export { ConfigError, type Environment, readConfig } from './config.ts';
export { createInOrder, type InOrder } from './in-order.ts';
export { type Running, runProcess } from './lifecycle.ts';
export { type Log, createLog, silentLog } from './log.ts';
export { createRecentMap, type RecentMap } from './recent-map.ts';
export { type ManualClock, manualClock } from './manual-clock.ts';
export { slotAfter, splayOf } from './slots.ts';
