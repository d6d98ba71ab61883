import { isIP } from 'node:net';
import { WorkerError } from '@tenma/worker';

/** What the built-in workers read of the environment of their process: a WEE hands on all but `TENMA_*`. */
export interface WorkersConfig {
  /** `LATENCY_SOURCE_ADDRESS`: the local address that `latency-probe` dials from, on hosts that have several. */
  readonly latencySourceAddress: string | undefined;
}

/**
 * A variable that is empty counts as unset.
 * @throws WorkerError `invalid_configuration` naming the variable: it fails the attempts that need it, not the process
 */
export function workersConfig(environment = process.env): WorkersConfig {
  const { LATENCY_SOURCE_ADDRESS: address = '' } = environment;
  if (address === '') return { latencySourceAddress: undefined };
  if (isIP(address) !== 0) return { latencySourceAddress: address };
  throw new WorkerError(`LATENCY_SOURCE_ADDRESS is no IP address: ${address}`, {
    code: 'invalid_configuration',
  });
}
