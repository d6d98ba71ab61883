import type { PassedOver } from '@tenma/geo';
import type { FailoverEvidence } from '@tenma/protocol';
import type { DocumentCache } from '../documents/document-cache.ts';
import { nodesOf, nodeVerdict } from '../geo/view.ts';

/** What a failover rests on, when it does not rest on the word of an operator. */
export interface Grounds {
  readonly automatic: boolean;
  readonly taskId: string | null;
  readonly detectedAt: string | null;
  readonly confirmedFrom: string | null;
  readonly confirmations: FailoverEvidence['confirmations'];
}

/** Nodes that stand in the evidence, at most. */
const nodesKept = 50;

/** Who saw what when a region was left. */
export function evidenceOf(
  documents: DocumentCache,
  from: string,
  { confirmations, confirmedFrom, taskId }: Grounds,
  passedOver: readonly PassedOver[],
): FailoverEvidence {
  const nodes = nodesOf(documents, from)
    .slice(0, nodesKept)
    .map((node) => {
      const { status, observers } = nodeVerdict(documents, node);
      return { node_id: node.node_id, status, observers: [...observers] };
    });
  return {
    nodes,
    confirmations,
    confirmed_from: confirmedFrom,
    rejected: passedOver.map(({ regionId, reason }) => ({ region_id: regionId, reason })),
    task_id: taskId,
  };
}
