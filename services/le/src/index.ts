export { type Le, type LeOptions, startLe } from './le.ts';
