import { type Log, silentLog } from '@tenma/runtime';

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps what it is told, of the levels that the tests of this folder look at. */
export function keptLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const log = silentLog();
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    log[level] = (fields: unknown, message = '') =>
      void lines.push({ level, fields: fields as LogLine['fields'], message });
  }
  return { log, lines };
}
