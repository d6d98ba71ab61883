import {
  canFollow,
  isTerminal,
  pendingStates,
  type TaskState,
  taskStates,
} from '../../packages/protocol/src/index.ts';
import { markdownTable } from './sections.ts';

/** Each state with those that may follow it, from the table that LE's guards use. */
export function statesTable(): string {
  const rows = taskStates.map((state) => {
    const following = taskStates.filter((to) => canFollow(state, to)).map((to) => `\`${to}\``);
    return [`\`${state}\``, kindOf(state), following.join(', ')];
  });
  return markdownTable(['state', 'kind', 'may be followed by'], rows);
}

function kindOf(state: TaskState): string {
  if (isTerminal(state)) return 'final';
  return (pendingStates as readonly TaskState[]).includes(state) ? 'LE has to send it' : 'sent';
}
