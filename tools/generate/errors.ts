import { type ErrorCode, errorCatalogue, errorCodes } from '../../packages/protocol/src/index.ts';
import { markdownTable } from './sections.ts';

/** `docs/errors.md`: the catalogue, requests first, then what ends attempts and tasks. */
export function errorsDocument(): string {
  const answers = errorCodes.filter((code) => errorCatalogue[code].status !== null);
  const ends = errorCodes.filter((code) => errorCatalogue[code].status === null);
  return `# Errors

<!-- Generated from packages/protocol/src/errors.ts by \`npm run generate\`. Edit that file. -->

Every error has a \`code\` that programs can rely on; texts may change. An HTTP answer carries it as problem details
(RFC 9457, \`application/problem+json\`) with \`detail\`, \`hint\` and, for bad input, \`errors\`: one JSON pointer a
fault. A task that ended without success carries it in \`error\`. *Retryable* means that the same request, or another
attempt, can end better without anybody changing anything.

A worker may give codes of its own; they are described where the worker is.

## Answers to requests

${table(answers, true)}

## Ends of attempts and tasks

${table(ends, false)}
`;
}

function table(codes: readonly ErrorCode[], withStatus: boolean): string {
  const head = ['code', ...(withStatus ? ['HTTP'] : []), 'retryable', 'meaning', 'remedy'];
  const rows = codes.map((code) => {
    const { status, retryable, title, remedy } = errorCatalogue[code];
    const cells = [retryable ? 'yes' : 'no', `${title}.`, remedy];
    return [`\`${code}\``, ...(withStatus ? [String(status)] : []), ...cells];
  });
  return markdownTable(head, rows);
}
