import { type Logger, pino, stdTimeFunctions } from 'pino';

export type Log = Logger;

export interface LogOptions {
  /** pino's levels: trace, debug, info, warn, error, fatal, silent. */
  level: string;
  /** Which service speaks. */
  name: string;
}

/** One JSON line an entry, on stderr: stdout is for data. */
export function createLog({ level, name }: LogOptions): Log {
  return pino(
    {
      level,
      name,
      base: { name },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}

export function silentLog(): Log {
  return pino({ level: 'silent' });
}
