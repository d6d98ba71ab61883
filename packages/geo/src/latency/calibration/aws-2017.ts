import type { PublishedRoundTrips } from './published.ts';

/** Round trips between AWS regions, averages published in 2017: the calibration data. */
export const aws2017: PublishedRoundTrips = {
  source:
    "Table 'Latency Between AWS Global Regions', acomputerscientistlearnsaws.blogspot.com/2017/04/aws-regions.html; the mean of both directions.",
  regions: {
    'us-east-1': { lat: 39.04, lon: -77.49 },
    'us-west-1': { lat: 37.35, lon: -121.96 },
    'us-west-2': { lat: 45.52, lon: -122.68 },
    'eu-west-1': { lat: 53.33, lon: -6.25 },
    'eu-central-1': { lat: 50.11, lon: 8.68 },
    'ap-northeast-1': { lat: 35.68, lon: 139.69 },
    'ap-northeast-2': { lat: 37.57, lon: 126.98 },
    'ap-southeast-1': { lat: 1.35, lon: 103.82 },
    'ap-southeast-2': { lat: -33.87, lon: 151.21 },
  },
  // From each region to those before it, ms.
  rows: [
    [],
    [72.19],
    [87.83, 19.33],
    [80.53, 153.2, 137],
    [88.64, 166.6, 159.5, 19.55],
    [145.3, 102.5, 89.13, 212.4, 236.55],
    [177.5, 132.05, 118.25, 242.4, 265.75, 31.38],
    [216.7, 173.95, 161.4, 238.55, 325.9, 73.8, 71.58],
    [229.85, 157.65, 162.05, 309.6, 323.35, 103.9, 134, 175.35],
  ],
};
