export {
  createFabric,
  type Fabric,
  type FabricOptions,
  type ServiceProcess,
  startService,
} from './fabric.ts';
export { measureStalls, slowness } from './machine.ts';
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
