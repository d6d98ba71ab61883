/** A place on the globe, in degrees. */
export interface Place {
  readonly lat: number;
  readonly lon: number;
}

/** The mean radius of the Earth (IUGG), in km. A sphere of it is within 0.6 % of the true shape. */
export const earthRadiusKm = 6_371.0088;

/** Light in fibre: c / 1.468 is 204 km in a millisecond; 200 is the customary round number. */
export const fibreKmPerMs = 200;

/** The great-circle distance in km by the haversine formula, which stays exact for near places. */
export function distanceKm(a: Place, b: Place): number {
  const dLat = Math.sin(radians(b.lat - a.lat) / 2);
  const dLon = Math.sin(radians(b.lon - a.lon) / 2);
  const h = dLat * dLat + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * dLon * dLon;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The shortest round trip that fibre along the great circle allows, in ms: no path can be faster. */
export function roundTripFloorMs(a: Place, b: Place): number {
  return (2 * distanceKm(a, b)) / fibreKmPerMs;
}

/** The place as a point of the unit sphere: to compare many distances, the dot product of two is their cosine. */
export function unitVector({ lat, lon }: Place): [x: number, y: number, z: number] {
  const [phi, lambda] = [radians(lat), radians(lon)];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
