import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandGroup } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { UsageError } from '../cli-errors.ts';
import type { Session } from '../session.ts';
import { runLive } from '../top/live.ts';
import { renderTop } from '../top/render.ts';
import { openScreen } from '../top/screen.ts';
import { readSnapshot } from '../top/snapshot.ts';

/** LE is not asked more often. */
const shortestMs = 200;
/** A timer of Node takes no more than 24 days, and who looks less than once a day needs no `top`. */
const longestMs = 86_400_000;
/** LE answers in a small part of it. */
const patienceMs = 3_000;

/** `tenma top`: everything at a glance, drawn anew every second; without a terminal once. */
export const topCommand: CommandGroup = (program, act) => {
  program
    .command('top')
    .description('watch regions, nodes, pools and tasks; q or Ctrl-C quits')
    .option('--interval <duration>', 'between two looks: 200ms to 24h', '1s')
    .action(act<{ interval: string }>((session, _args, { interval }) => watch(session, interval)));
};

async function watch(session: Session, interval: string): Promise<void> {
  const { client, output, config, terminal } = session;
  const intervalMs = parseDuration(interval, '--interval');
  if (intervalMs < shortestMs || intervalMs > longestMs) {
    throw new UsageError(`--interval is at least ${shortestMs}ms and at most ${longestMs / 3_600_000}h`);
  }
  const now = () => Date.now();
  const api = config.apiUrl;
  using interrupts = session.watchInterrupts('Start it again: tenma top');
  const read = (signal: AbortSignal) => readSnapshot(client, now, signal);
  const snapshot = await read(interrupts.signal);
  if (output.screen === undefined || terminal === undefined) {
    output.data(snapshot, () => {
      const whole = { columns: Infinity, rows: Infinity };
      const lines = renderTop({ snapshot, api, now: now(), live: false }, whole);
      return lines.map(({ text }) => `${text}\n`).join('');
    });
    return;
  }
  using screen = openScreen(output.screen, output.colour);
  await runLive({
    snapshot,
    read,
    render: (seen, fault, size) => renderTop({ snapshot: seen, api, now: now(), fault, live: true }, size),
    screen,
    terminal,
    intervalMs,
    patienceMs,
    monotonic: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    signal: interrupts.signal,
  });
}
