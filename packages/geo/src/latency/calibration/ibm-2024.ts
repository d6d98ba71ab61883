import type { PublishedRoundTrips } from './published.ts';

/** Round trips between IBM Cloud regions, averages of 28 September to 27 October 2024. */
export const ibm2024: PublishedRoundTrips = {
  source:
    "IBM Cloud documentation 'Network latency', ibm-cloud-docs/vpc, _include-segments/network-latency.md; the mean of both directions, to 1 ms.",
  regions: {
    dallas: { lat: 32.78, lon: -96.8 },
    toronto: { lat: 43.65, lon: -79.38 },
    washington: { lat: 39.04, lon: -77.49 },
    frankfurt: { lat: 50.11, lon: 8.68 },
    london: { lat: 51.51, lon: -0.13 },
    madrid: { lat: 40.42, lon: -3.7 },
    osaka: { lat: 34.69, lon: 135.5 },
    sydney: { lat: -33.87, lon: 151.21 },
    tokyo: { lat: 35.68, lon: 139.69 },
    'sao-paulo': { lat: -23.55, lon: -46.63 },
  },
  // From each region to those before it, ms.
  rows: [
    [],
    [34],
    [31, 19],
    [123, 92, 91],
    [114, 84, 76, 13],
    [119, 108, 90, 29, 27],
    [150, 170, 176, 233, 245, 259],
    [185, 214, 214, 250, 261, 275, 122],
    [142, 163, 168, 231, 243, 256, 9, 115],
    [144, 131, 119, 198, 188, 206, 292, 328, 285],
  ],
};
