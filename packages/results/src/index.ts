export {
  type AnnounceOptions,
  type Message,
  type Results,
  type ResultsStatus,
  ResultsUnavailableError,
  type Will,
} from './results.ts';
