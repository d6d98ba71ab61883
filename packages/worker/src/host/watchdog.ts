import { Worker } from 'node:worker_threads';

/**
 * Kills this process when its parent is gone, within half a second, even while a worker's infinite loop holds the
 * event loop and the closed pipe goes unseen. A thread that watches `process.ppid`, which asks the kernel each
 * time, needs nothing of the parent; Node offers no PR_SET_PDEATHSIG.
 */
export function watchParent(): void {
  const thread = new Worker(watch, {
    eval: true,
    name: 'watchdog',
    workerData: { parent: process.ppid },
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
}

const watch = `
const { parent } = require('node:worker_threads').workerData;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 250);
`;
