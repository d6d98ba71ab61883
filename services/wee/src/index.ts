export { workerEnvironment } from './config.ts';
export { startWee, type WeeOptions } from './wee.ts';
