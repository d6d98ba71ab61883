import { httpActionWorker } from './http-action.ts';
import { latencyMatrixWorker } from './latency-matrix/worker.ts';
import { latencyProbeWorker } from './latency-probe/worker.ts';
import { probeDnsWorker } from './probe-dns.ts';
import { probeHttpWorker } from './probe-http.ts';
import { probeIcmpWorker } from './probe-icmp.ts';
import { probeTcpWorker } from './probe-tcp.ts';
import { probeTlsWorker } from './probe-tls.ts';
import { regionFailoverWorker } from './region-failover/worker.ts';

export { httpAction, type HttpActionInput, type HttpActionOutput, httpActionWorker } from './http-action.ts';
export { latencyMatrixWorker } from './latency-matrix/worker.ts';
export {
  latencyProbe,
  type LatencyProbeContext,
  type LatencyProbeInput,
  type LatencyProbeOutput,
  latencyProbeWorker,
} from './latency-probe/worker.ts';
export { probeDns, type ProbeDnsInput, type ProbeDnsOutput, probeDnsWorker } from './probe-dns.ts';
export { probeHttp, type ProbeHttpInput, type ProbeHttpOutput, probeHttpWorker } from './probe-http.ts';
export { probeIcmp, type ProbeIcmpInput, type ProbeIcmpOutput, probeIcmpWorker } from './probe-icmp.ts';
export { probeTcp, type ProbeTcpInput, type ProbeTcpOutput, probeTcpWorker } from './probe-tcp.ts';
export { probeTls, type ProbeTlsInput, type ProbeTlsOutput, probeTlsWorker } from './probe-tls.ts';
export { confirmFailover, regionFailoverWorker } from './region-failover/worker.ts';

// oxlint-disable-next-line import/no-default-export -- a worker package
export default [
  probeHttpWorker,
  probeTcpWorker,
  probeDnsWorker,
  probeTlsWorker,
  probeIcmpWorker,
  latencyProbeWorker,
  latencyMatrixWorker,
  regionFailoverWorker,
  httpActionWorker,
];
