import type { NodeRecord, NodeType } from './geo.ts';

const usual: Readonly<Record<NodeType, string>> = {
  general: 'probe-http',
  gpu: 'probe-http',
  scheduler: 'probe-http',
  storage: 'probe-tcp',
};

/** The task type that looks at a node: as its owner says, else by its type. */
export function probeTypeOf({ node_type, probe }: Pick<NodeRecord, 'node_type' | 'probe'>): string {
  return probe.type ?? usual[node_type];
}
