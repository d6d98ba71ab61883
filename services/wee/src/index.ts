export { startWee, type WeeOptions } from './wee.ts';
export { workerEnvironment, workerFields, workerOptions } from './worker-settings.ts';
