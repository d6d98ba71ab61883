export {
  type FakeLe,
  type FakeLeOptions,
  type RecordedRequest,
  type Scene,
  sendJson,
  sendProblem,
  startFakeLe,
} from './fake-le.ts';
