export { geoFields, geoSettings } from './geo/geo-config.ts';
export { type Le, type LeOptions, startLe } from './le.ts';
