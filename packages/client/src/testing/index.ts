export type { FakeBlobs } from './fake-blobs.ts';
export type { FakeCollection } from './fake-collection.ts';
export type { FakeGeo, FakeGeoOptions } from './fake-geo.ts';
export { type FakeLe, type FakeLeOptions, type Scene, startFakeLe } from './fake-le.ts';
export type { FakeReleases } from './fake-releases.ts';
export { type RecordedRequest, sendJson, sendProblem } from './replies.ts';
