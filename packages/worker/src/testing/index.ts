export { leapingClock, manualClock, type ManualClock } from './clocks.ts';
export {
  type LogLine,
  runForTest,
  startForTest,
  type StartedTestRun,
  type TestOutcome,
  type TestRun,
  type TestRunOptions,
} from './run-for-test.ts';
