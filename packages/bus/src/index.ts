export {
  type Bus,
  type BusStatus,
  BusUnavailableError,
  type Consumer,
  type ConsumeOptions,
  type Delivery,
  type PublishOptions,
  type QueueOptions,
  UnroutableError,
  type Verdict,
} from './bus.ts';
