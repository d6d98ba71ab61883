export { createMqttResults, type MqttResultsOptions } from './mqtt-results.ts';
