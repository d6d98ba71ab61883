import { readFile } from 'node:fs/promises';
import type { Json } from '@tenma/protocol';
import { UsageError } from './cli-errors.ts';

/**
 * The JSON document of a file, or of standard input for `-`.
 * @param option how the command line names the file, for what is said when it cannot be read
 * @throws UsageError
 */
export async function readJson(file: string, stdin: AsyncIterable<unknown>, option: string): Promise<Json> {
  let text = '';
  try {
    if (file === '-') for await (const chunk of stdin) text += String(chunk);
    else text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(
      `${option}: ${(error as Error).message}`,
      'Name a file that can be read, or - for standard input.',
    );
  }
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new UsageError(
      `${option} ${file}: ${(error as Error).message}`,
      'The file has to hold one JSON document.',
    );
  }
}
