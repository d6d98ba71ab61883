export { startWee, type WeeOptions } from './wee.ts';
