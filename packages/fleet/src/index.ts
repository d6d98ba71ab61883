export {
  emptyFleet,
  type FleetView,
  poolKey,
  type PoolView,
  type WeeView,
  withFreshSight,
  withoutSilent,
  withPresence,
} from './fleet-view.ts';
