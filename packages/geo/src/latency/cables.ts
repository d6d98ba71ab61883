import type { WaypointName } from './waypoints.ts';

type Chain = readonly WaypointName[];

/**
 * Ways that cables take, each a chain of waypoints. Not every cable: the ways that the traffic between data centres
 * is known to take, so the short cuts that hardly any does are left out (Fortaleza to Lisbon or Luanda, the Arctic,
 * the railways through Siberia).
 */
export const seaWays: readonly Chain[] = [
  // North Atlantic
  ['ashburn', 'cornwall', 'newYork', 'esbjerg'],
  ['newYork', 'dublin', 'halifax'],
  ['ashburn', 'bilbao', 'cornwall', 'lisbon'],
  ['esbjerg', 'reykjavik', 'cornwall'],
  ['reykjavik', 'halifax'],
  // Mediterranean
  ['marseille', 'sicilyChannel', 'alexandria', 'palermo', 'telAviv', 'athens', 'alexandria'],
  ['palermo', 'sicilyChannel', 'telAviv'],
  ['casablanca', 'lisbon'],
  ['algiers', 'marseille'],
  ['istanbul', 'athens'],
  // Red Sea, Arabian Sea, Gulf
  ['suez', 'jeddah', 'babElMandeb', 'suez'],
  ['djibouti', 'babElMandeb', 'gulfOfAden', 'muscat', 'fujairah', 'bahrain', 'kuwait'],
  ['gulfOfAden', 'mumbai', 'muscat'],
  ['mumbai', 'fujairah', 'karachi', 'mumbai'],
  ['karachi', 'gulfOfAden'],
  // Indian Ocean
  ['gulfOfAden', 'dondraHead', 'acehHead', 'penang', 'singapore'],
  ['mumbai', 'dondraHead', 'colombo'],
  ['dondraHead', 'chennai', 'acehHead', 'dhaka'],
  ['acehHead', 'yangon'],
  ['singapore', 'perth', 'jakarta', 'singapore'],
  // East Asia
  ['singapore', 'saigon', 'hongKong', 'singapore', 'manila'],
  ['bangkok', 'saigon'],
  ['singapore', 'luzonStrait', 'tokyo', 'taipei', 'luzonStrait', 'hongKong', 'taipei', 'osaka'],
  ['luzonStrait', 'manila', 'guam', 'luzonStrait'],
  ['taipei', 'shanghai', 'busan', 'taipei'],
  ['shanghai', 'fukuoka', 'busan', 'osaka'],
  ['hongKong', 'busan'],
  // Pacific
  ['portland', 'tokyo', 'seattle'],
  ['sanJose', 'tokyo', 'losAngeles', 'taipei'],
  ['tokyo', 'guam', 'osaka'],
  ['sanJose', 'honolulu', 'portland'],
  ['guam', 'honolulu', 'losAngeles', 'guam'],
  ['sydney', 'guam', 'brisbane'],
  ['darwin', 'guam', 'jakarta', 'darwin'],
  ['honolulu', 'sydney', 'auckland', 'honolulu', 'suva', 'auckland'],
  ['sydney', 'suva'],
  // South America, Caribbean
  ['ashburn', 'fortaleza', 'recife', 'santos', 'buenosAires'],
  ['ashburn', 'sanJuan', 'miami', 'fortaleza', 'sanJuan'],
  ['miami', 'barranquilla', 'panama', 'lima', 'valparaiso'],
  ['panama', 'losAngeles'],
  // Africa
  ['capeTown', 'luanda', 'lagos', 'dakar', 'lisbon', 'capeFinisterre', 'cornwall'],
  ['lagos', 'capeTown', 'dakar', 'capeFinisterre'],
  ['dakar', 'casablanca'],
  ['capeTown', 'agulhas', 'durban', 'mombasa', 'djibouti'],
  ['mombasa', 'gulfOfAden'],
  ['durban', 'mauritius'],
];

/** Overland from one land to another. */
export const landWays: readonly Chain[] = [
  ['alexandria', 'suez'],
  ['bahrain', 'jeddah', 'kuwait'],
];
