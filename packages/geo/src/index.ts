export { chooseObservers, type ObserverChoice, observersMax } from './detection/choose-observers.ts';
export { createDetector } from './detection/create-detector.ts';
export {
  type Detector,
  type Effect,
  type NodeVerdict,
  type RegionVerdict,
  type Sighting,
  type WatchedNode,
} from './detection/detector.ts';
export { flapDowns, flapWindowMs, steadyMs } from './detection/flap-damping.ts';
export { freshForMs, type Pace, paces, type Preset, presets, worstCaseSwitchMs } from './detection/pace.ts';
export { chooseConfirmer, type ConfirmerChoice } from './failover/choose-confirmer.ts';
export {
  type Candidate,
  type FailoverJudgement,
  type FailoverSituation,
  type FailoverWish,
  type PassedOver,
} from './failover/failover.ts';
export { judgeFailover } from './failover/judge-failover.ts';
export {
  type Coordinate,
  coordinateRoundTripMs,
  moveCoordinate,
  startCoordinate,
} from './latency/coordinates.ts';
export { type Estimate, estimateRoundTrip } from './latency/estimate.ts';
export {
  effectiveRoundTripMs,
  latencyCell,
  latencyMatrix,
  type LatencySight,
  roundTripsFrom,
} from './latency/matrix.ts';
export { type Measured, vectorAfter } from './latency/measurement.ts';
export { probePlan } from './latency/probe-plan.ts';
export { replicationGroup } from './latency/replication-group.ts';
export { distanceKm, type Place, roundTripFloorMs } from './place/great-circle.ts';
