export { type AmqpBusComponents, type AmqpBusOptions, createAmqpBus } from './amqp-bus.ts';
export { type TemporaryNamespace, temporaryNamespace } from './temporary-namespace.ts';
