import { startFakeLe } from '@tenma/client/testing';
import { UnreachableError } from '@tenma/client';
import { describe, expect, it } from 'vitest';
import { cli } from '../cli-fixture.ts';
import type { Terminal, WindowSize } from '../terminal.ts';
import { aSnapshot } from './fixture.ts';
import { type LiveOptions, runLive } from './live.ts';
import { openScreen } from './screen.ts';
import type { TopSnapshot } from './snapshot.ts';

/** A terminal in somebody's hands. */
function fakeTerminal() {
  const listeners = {
    key: new Set<(key: string) => void>(),
    resize: new Set<() => void>(),
    hangup: new Set<() => void>(),
  };
  const listen = <Listener>(all: Set<Listener>, listener: Listener): Disposable => {
    all.add(listener);
    return { [Symbol.dispose]: () => void all.delete(listener) };
  };
  let size: WindowSize = { columns: 60, rows: 12 };
  const terminal: Terminal = {
    size: () => size,
    onKey: (listener) => listen(listeners.key, listener),
    onResize: (listener) => listen(listeners.resize, listener),
    onHangup: (listener) => listen(listeners.hangup, listener),
  };
  return {
    terminal,
    press: (key: string) => listeners.key.forEach((listener) => listener(key)),
    hangUp: () => listeners.hangup.forEach((listener) => listener()),
    resize(next: WindowSize) {
      size = next;
      listeners.resize.forEach((listener) => listener());
    },
    get listening() {
      return Object.values(listeners).reduce((sum, all) => sum + all.size, 0);
    },
  };
}

/** Runs the loop; each pause ends when the test says so. */
function start(read: (signal: AbortSignal) => Promise<TopSnapshot>, signal = new AbortController().signal) {
  const hands = fakeTerminal();
  const drawn: string[] = [];
  const pauses: number[] = [];
  let onPause: (() => void) | undefined;
  let wake: (() => void) | undefined;
  let time = 0;
  const options: LiveOptions = {
    snapshot: aSnapshot(),
    read,
    render: ({ status }, fault, { columns }) => [{ text: `${status.epoch} ${fault ?? 'fine'} ${columns}` }],
    screen: { draw: ([line]) => void drawn.push(line?.text ?? ''), [Symbol.dispose]() {} },
    terminal: hands.terminal,
    intervalMs: 1_000,
    monotonic: () => time,
    sleep: (ms, aborted) =>
      new Promise<void>((resolve, reject) => {
        pauses.push(ms);
        wake = resolve;
        aborted.addEventListener('abort', () => reject(aborted.reason as Error), { once: true });
        onPause?.();
      }),
    signal,
  };
  const ended = runLive(options);
  return {
    ...hands,
    ended,
    drawn,
    pauses,
    hands,
    /** Lets the pause end, and what it takes; resolves at the next one. */
    pass: (tookMs = 0) =>
      new Promise<void>((resolve) => {
        onPause = resolve;
        time += (pauses.at(-1) ?? 0) + tookMs;
        wake?.();
      }),
  };
}

const later = (epoch: number): TopSnapshot => aSnapshot({ status: { ...aSnapshot().status, epoch } });

describe('the live view', () => {
  it('draws, looks again after the interval, and draws what it saw', async () => {
    let epoch = 7;
    const live = start(() => Promise.resolve(later((epoch += 1))));
    await live.pass();
    await live.pass();
    expect(live.drawn).toEqual(['7 fine 60', '8 fine 60', '9 fine 60']);
    expect(live.pauses).toEqual([1_000, 1_000, 1_000]);
    live.press('q');
    await live.ended;
  });

  it('keeps the last picture while LE is away, with the reason, and goes on when it is back', async () => {
    let away = true;
    const live = start(() =>
      away ? Promise.reject(new UnreachableError('away')) : Promise.resolve(later(8)),
    );
    await live.pass();
    away = false;
    await live.pass();
    expect(live.drawn).toEqual(['7 fine 60', '7 away 60', '8 fine 60']);
    live.press('q');
    await live.ended;
  });

  it('draws at once when the window has another size', async () => {
    const live = start(() => Promise.resolve(later(8)));
    live.resize({ columns: 99, rows: 5 });
    expect(live.drawn).toEqual(['7 fine 60', '7 fine 99']);
    live.press('q');
    await live.ended;
  });

  it.each(['q', 'Q', '\u0003'])('ends at the key %j, and lets go of the terminal', async (key) => {
    const live = start(() => Promise.resolve(later(8)));
    live.press('x');
    live.press(key);
    await live.ended;
    expect(live.hands.listening).toBe(0);
    live.resize({ columns: 1, rows: 1 });
    expect(live.drawn).toHaveLength(1);
  });

  it('ends when the terminal goes, and when it is told to', async () => {
    const gone = start(() => Promise.resolve(later(8)));
    gone.hangUp();
    await gone.ended;
    const controller = new AbortController();
    const told = start(() => Promise.resolve(later(8)), controller.signal);
    controller.abort();
    await told.ended;
  });

  it('ends in the middle of a reading, too', async () => {
    let reading = () => {};
    const began = new Promise<void>((resolve) => (reading = resolve));
    const live = start(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          reading();
        }),
    );
    void live.pass();
    await began;
    live.press('q');
    await live.ended;
  });

  it('does not hide a fault of its own', async () => {
    const live = start(() => Promise.reject(new TypeError('a bug')));
    void live.pass();
    await expect(live.ended).rejects.toThrow('a bug');
    expect(live.hands.listening).toBe(0);
  });
});

describe('the screen', () => {
  it('is drawn over in place, in colours where they are wanted, and given back', () => {
    let written = '';
    const stream = { write: (text: string) => (written += text) };
    const screen = openScreen(stream, true);
    screen.draw([{ text: 'one', tone: 'bad' }, { text: 'two' }], 3);
    screen[Symbol.dispose]();
    expect(written.replaceAll('\u001b', '^')).toBe(
      '^[?1049h^[?25l^[H^[2K^[31mone^[0m\r\n^[2Ktwo\r\n^[2K^[?25h^[?1049l',
    );
  });

  it('has no colours where none are wanted', () => {
    let written = '';
    const screen = openScreen({ write: (text: string) => (written += text) }, false);
    screen.draw([{ text: 'one', tone: 'bad' }], 1);
    expect(written).not.toContain('\u001b[31m');
  });
});

describe('tenma top', () => {
  it('takes a terminal over, watches, and gives it back at q', async () => {
    await using le = await startFakeLe({ geo: { nodes: [] } });
    const hands = fakeTerminal();
    let written = '';
    const { code, stdout } = await cli(le, 'top --interval 200ms', {
      tty: true,
      terminal: hands.terminal,
      onWrite(text) {
        written += text;
        if (written.includes('(epoch 2)')) hands.press('q');
        else if (written.includes('(epoch 1)')) le.geo.active = { ...le.geo.active, epoch: 2 };
      },
    });
    expect(code).toBe(0);
    expect(stdout.startsWith('\u001b[?1049h')).toBe(true);
    expect(stdout.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
    expect(stdout).toContain('q quits');
    expect(hands.listening).toBe(0);
  });

  it.each([{}, { tty: true, environment: { TERM: 'dumb' } }])(
    'where nothing can be drawn prints one picture, whole and plain (%o)',
    async (given) => {
      await using le = await startFakeLe();
      le.geo.addNode({ node_id: 'web-1', region_id: 'tokyo', endpoint: '127.0.0.1:1' });
      le.geo.nodes.change('web-1', { status: 'offline' });
      le.change(le.add({ type: 'slow' }).id, { state: 'running' });
      le.change(le.add({ type: 'slow' }).id, { state: 'waiting', reason: 'no pool' });
      const { code, stdout } = await cli(le, 'top', { ...given, terminal: fakeTerminal().terminal });
      expect(code).toBe(0);
      expect(stdout).not.toContain('\u001b');
      expect(stdout).toMatch(/^web-1 +tokyo +offline/m);
      expect(stdout).toMatch(/^RUNNING {2}1$/m);
      expect(stdout).toMatch(/^waiting .* no pool$/m);
      expect(stdout).not.toContain('q quits');
    },
  );

  it('with --json prints one picture as JSON, without inputs and outputs', async () => {
    await using le = await startFakeLe();
    le.change(le.add({ type: 'slow', input: { large: true } }).id, { state: 'running' });
    const { stdout } = await cli(le, 'top --json', { tty: true, terminal: fakeTerminal().terminal });
    const snapshot = JSON.parse(stdout) as TopSnapshot;
    expect(snapshot).toMatchObject({ status: { active_region: 'tokyo' }, running: [{ type: 'slow' }] });
    expect(snapshot.running[0]).not.toHaveProperty('input');
  });

  it('asks for nodes only when one is not online', async () => {
    await using le = await startFakeLe({
      geo: { nodes: [{ node_id: 'web-1', region_id: 'tokyo', endpoint: '127.0.0.1:1' }] },
    });
    await cli(le, 'top');
    expect(le.requests.some(({ path }) => path.startsWith('/api/geo/nodes'))).toBe(false);
  });
});
