import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { FromHost } from './messages.ts';

/**
 * The two pipes between a WEE and a worker process, one for each direction, with one message in JSON a line. They stand
 * in place of Node's IPC channel, whose parser throws in the WEE, out of reach, when anything else is written to it. Two,
 * as a failed write closes a pipe for reading too, and with it would go what a dying process had said last.
 */
export const pipes = { toWee: 3, toHost: 4 } as const;

/** What stands in the environment of a worker process with these pipes. */
export const pipesVariable = 'TENMA_HOST_PIPES';

/** Of a line to the WEE: what a worker process can make it hold in memory. Some ten times the largest event. */
export const lineCharacters = 4 * 1024 * 1024;

export interface LineListener {
  onMessage(message: unknown): void;
  /** What came is no JSON, or too long; `why` completes "it …". Nothing more is told after that. */
  onFault(why: string): void;
}

/** Reads messages from one of the pipes until its end. */
export function readMessages(pipe: Readable, maxCharacters: number, listener: LineListener): void {
  let begun = '';
  let faulty = false;
  const fault = (why: string) => {
    faulty = true;
    begun = '';
    listener.onFault(why);
  };
  const take = (line: string) => {
    if (line.length > maxCharacters) return fault(`sent a message of more than ${maxCharacters} characters`);
    const message = parsed(line);
    if (message === undefined) return fault('sent what is no message of its host');
    listener.onMessage(message);
  };
  pipe.setEncoding('utf8');
  pipe.on('data', (chunk: string) => {
    let from = 0;
    for (let to = chunk.indexOf('\n'); to >= 0 && !faulty; to = chunk.indexOf('\n', from)) {
      const line = begun + chunk.slice(from, to);
      begun = '';
      from = to + 1;
      take(line);
    }
    if (faulty) return;
    begun += chunk.slice(from);
    if (begun.length > maxCharacters) take(begun);
  });
}

/** Undefined for what is no JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

const [head, tail] = ['{"kind":"events","events":[', ']}'];

/** A message of the host as lines; events that are too long for one line together come as several messages. */
export function linesOf(message: FromHost, maxCharacters = lineCharacters): string {
  if (message.kind !== 'events') return `${JSON.stringify(message)}\n`;
  const room = maxCharacters - head.length - tail.length;
  let lines = '';
  let line = '';
  for (const event of message.events) {
    const text = JSON.stringify(event);
    if (line !== '' && line.length + 1 + text.length > room) {
      lines += `${head}${line}${tail}\n`;
      line = '';
    }
    line += line === '' ? text : `,${text}`;
  }
  return `${lines}${head}${line}${tail}\n`;
}

/** A pipe that is lent to another program may have been made not to wait; then it is looked at again after this. */
const againMs = 2;

/**
 * Writes all of it before it returns, waiting for whoever reads: what has been said is out, whatever ends the process
 * in the next moment, and a reader that is slow is not overrun. Does nothing once nobody reads.
 */
export function writeOut(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(never, 0, 0, againMs);
    }
  }
}
