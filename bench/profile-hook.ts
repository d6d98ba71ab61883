/**
 * Preloaded into every Tenma process of a profiled bench: SIGUSR2 starts the profiler, another one stops it and writes
 * `<role>-<pid>.cpuprofile` to BENCH_PROFILE_DIR. So a profile holds the measured part alone, and also of worker
 * processes, which are killed at the end and would write none by themselves.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { basename, dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env['BENCH_PROFILE_DIR'];

function role(): string {
  const script = process.argv[1] ?? 'node';
  return script.includes('/packages/worker/') ? 'worker' : basename(dirname(dirname(script)));
}

if (folder !== undefined && isMainThread) {
  let session: Session | undefined;
  process.on('SIGUSR2', () => {
    void (async () => {
      if (!session) {
        session = new Session();
        session.connect();
        await session.post('Profiler.enable');
        await session.post('Profiler.setSamplingInterval', { interval: 500 });
        await session.post('Profiler.start');
        return;
      }
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      session = undefined;
      writeFileSync(join(folder, `${role()}-${process.pid}.cpuprofile`), JSON.stringify(profile));
    })();
  });
}
