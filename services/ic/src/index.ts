export { type IcOptions, startIc } from './ic.ts';
