export { createMemoryBroker, type MemoryBroker } from './memory-broker.ts';
export { createMemoryBus, type MemoryBusComponents, type MemoryBusOptions } from './memory-bus.ts';
