import { InterruptedError, UsageError } from './cli-errors.ts';
import type { Session } from './session.ts';

type Asking = Pick<Session, 'output' | 'stdin'>;

/**
 * Whether somebody has to be asked: not when `yes` has said so before.
 * @throws UsageError naming --yes where nobody can be asked
 */
export function mustAsk({ output, stdin }: Asking, yes: boolean | undefined): boolean {
  if (yes === true) return false;
  if (output.prompt !== undefined && stdin.isTTY === true) return true;
  throw new UsageError('This asks first, and there is no terminal to ask at', 'Give --yes.');
}

/** Resolves when the answer is yes. @throws InterruptedError when it is another */
export async function confirm({ output, stdin }: Asking, question: string): Promise<void> {
  output.prompt?.write(`${question} [y/N] `);
  if (/^y(?:es)?$/i.test((await firstLine(stdin)).trim())) return;
  throw new InterruptedError('Nothing was changed', 'Answer y, or give --yes.');
}

async function firstLine(stdin: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0] ?? '';
}
