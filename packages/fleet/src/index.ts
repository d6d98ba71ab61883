export {
  emptyFleet,
  type FleetView,
  type WeeView,
  withFreshSight,
  withoutSilent,
  withPresence,
} from './fleet-view.ts';
export { type Load, poolKey, type PoolMember, type PoolView } from './pool-view.ts';
