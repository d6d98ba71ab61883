export {
  answers,
  findBinary,
  freePort,
  type ServerProcess,
  sharedServer,
  startProcess,
  temporaryFolder,
  type TestServer,
  until,
} from './server.ts';
