import { httpActionWorker } from './http-action.ts';
import { latencyMatrixWorker } from './latency-matrix/worker.ts';
import { probeDnsWorker } from './probe-dns.ts';
import { probeHttpWorker } from './probe-http.ts';
import { probeIcmpWorker } from './probe-icmp.ts';
import { probeTcpWorker } from './probe-tcp.ts';
import { probeTlsWorker } from './probe-tls.ts';

export { httpAction, type HttpActionInput, type HttpActionOutput, httpActionWorker } from './http-action.ts';
export { latencyMatrixWorker } from './latency-matrix/worker.ts';
export { probeDns, type ProbeDnsInput, type ProbeDnsOutput, probeDnsWorker } from './probe-dns.ts';
export { probeHttp, type ProbeHttpInput, type ProbeHttpOutput, probeHttpWorker } from './probe-http.ts';
export { probeIcmp, type ProbeIcmpInput, type ProbeIcmpOutput, probeIcmpWorker } from './probe-icmp.ts';
export { probeTcp, type ProbeTcpInput, type ProbeTcpOutput, probeTcpWorker } from './probe-tcp.ts';
export { probeTls, type ProbeTlsInput, type ProbeTlsOutput, probeTlsWorker } from './probe-tls.ts';

// oxlint-disable-next-line import/no-default-export -- a worker package
export default [
  probeHttpWorker,
  probeTcpWorker,
  probeDnsWorker,
  probeTlsWorker,
  probeIcmpWorker,
  latencyMatrixWorker,
  httpActionWorker,
];
