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

/** Lets everything happen that needs no time. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Runs the loop in a time that passes when the test says so. */
function start(read: (signal: AbortSignal) => Promise<TopSnapshot>, given: Partial<LiveOptions> = {}) {
  const hands = fakeTerminal();
  const drawn: string[] = [];
  const readAt: number[] = [];
  const sleepers = new Set<{ at: number; wake: () => void }>();
  let time = 0;
  const options: LiveOptions = {
    snapshot: aSnapshot(),
    read(signal) {
      readAt.push(time);
      return read(signal);
    },
    render: ({ status }, fault, { columns }) => [{ text: `${status.epoch} ${fault ?? 'fine'} ${columns}` }],
    screen: { draw: ([line]) => void drawn.push(line?.text ?? ''), [Symbol.dispose]() {} },
    terminal: hands.terminal,
    intervalMs: 1_000,
    patienceMs: 3_000,
    monotonic: () => time,
    sleep: (ms, aborted) =>
      new Promise<void>((resolve, reject) => {
        if (aborted.aborted) return reject(aborted.reason as Error);
        const sleeper = { at: time + ms, wake: resolve };
        sleepers.add(sleeper);
        const onAbort = () => {
          sleepers.delete(sleeper);
          reject(aborted.reason as Error);
        };
        aborted.addEventListener('abort', onAbort, { once: true });
      }),
    signal: new AbortController().signal,
    ...given,
  };
  const ended = runLive(options);
  return {
    ...hands,
    ended,
    drawn,
    readAt,
    hands,
    async pass(ms: number) {
      const end = time + ms;
      for (;;) {
        await settled();
        const [next] = [...sleepers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        time = next.at;
        sleepers.delete(next);
        next.wake();
      }
      time = end;
    },
  };
}

/** An LE that accepts and says nothing. */
const silence = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

const later = (epoch: number): TopSnapshot => aSnapshot({ status: { ...aSnapshot().status, epoch } });

describe('the live view', () => {
  it('draws, looks again after the interval, and draws what it saw', async () => {
    let epoch = 7;
    const live = start(() => Promise.resolve(later((epoch += 1))));
    await live.pass(2_500);
    expect(live.drawn).toEqual(['7 fine 60', '8 fine 60', '9 fine 60']);
    expect(live.readAt).toEqual([1_000, 2_000]);
    live.press('q');
    await live.ended;
  });

  it('keeps the last picture while LE is away, with the reason, and goes on when it is back', async () => {
    let away = true;
    const live = start(() =>
      away ? Promise.reject(new UnreachableError('away')) : Promise.resolve(later(8)),
    );
    await live.pass(1_000);
    away = false;
    await live.pass(1_000);
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
    const told = start(() => Promise.resolve(later(8)), { signal: controller.signal });
    controller.abort();
    await told.ended;
  });

  it('while LE keeps silent says so each interval, and begins another reading after its patience', async () => {
    let silent = true;
    const live = start((signal) => (silent ? silence(signal) : Promise.resolve(later(8))));
    await live.pass(1_999);
    expect(live.drawn).toEqual(['7 fine 60']);
    await live.pass(1_002);
    expect(live.drawn.slice(1)).toEqual(['7 no answer yet 60', '7 no answer yet 60']);
    await live.pass(2_000);
    expect(live.drawn.slice(3)).toEqual(['7 no answer within 3.0 s 60', '7 no answer within 3.0 s 60']);
    expect(live.readAt).toEqual([1_000, 4_000]);
    silent = false;
    await live.pass(2_000);
    expect(live.drawn.at(-1)).toBe('8 fine 60');
    live.press('q');
    await live.ended;
  });

  it('gives a reading up at its patience when the interval is longer, and keeps to the interval', async () => {
    const live = start(silence, { intervalMs: 10_000 });
    await live.pass(13_000);
    expect(live.drawn).toEqual(['7 fine 60', '7 no answer within 3.0 s 60']);
    await live.pass(7_000);
    expect(live.readAt).toEqual([10_000, 20_000]);
    live.press('q');
    await live.ended;
  });

  it('ends in the middle of a reading, too', async () => {
    const live = start(silence);
    await live.pass(1_500);
    expect(live.readAt).toEqual([1_000]);
    live.press('q');
    await live.ended;
    expect(live.drawn).toHaveLength(1);
  });

  it('leaves nothing of a reading behind when a part of it fails', async () => {
    let left: AbortSignal | undefined;
    const live = start((signal) => {
      left = signal;
      return Promise.reject(new UnreachableError('away'));
    });
    await live.pass(1_000);
    expect(left?.aborted).toBe(true);
    live.press('q');
    await live.ended;
  });

  it('does not hide a fault of its own', async () => {
    const live = start(() => Promise.reject(new TypeError('a bug')));
    const ended = expect(live.ended).rejects.toThrow('a bug');
    await live.pass(1_000);
    await ended;
    expect(live.hands.listening).toBe(0);
  });

  it('nor one of the drawing, while LE keeps silent', async () => {
    const render: LiveOptions['render'] = (_snapshot, fault) => {
      if (fault !== undefined) throw new TypeError('a bug');
      return [];
    };
    const live = start(silence, { render });
    const ended = expect(live.ended).rejects.toThrow('a bug');
    await live.pass(2_000);
    await ended;
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

  it('says how old its picture is while LE hangs, and goes on by itself when LE answers again', async () => {
    await using le = await startFakeLe({ geo: { nodes: [] } });
    const hands = fakeTerminal();
    let written = '';
    let resume: (() => void) | undefined;
    const { code } = await cli(le, 'top --interval 200ms', {
      tty: true,
      terminal: hands.terminal,
      onWrite(text) {
        written += text;
        if (written.includes('(epoch 2)')) hands.press('q');
        else if (written.includes('no answer within 3.0 s')) {
          le.geo.active = { ...le.geo.active, epoch: 2 };
          resume?.();
        } else if (written.includes('(epoch 1)')) resume ??= le.play(() => true);
      },
    });
    expect(code).toBe(0);
    const told = written.matchAll(/! no answer yet; this is ([\d.]+) (ms|s) old/g);
    const agesMs = Array.from(told, ([, age, unit]) => Number(age) * (unit === 's' ? 1_000 : 1));
    expect(agesMs).toEqual(agesMs.toSorted((a, b) => a - b));
    expect(agesMs.at(-1)).toBeGreaterThan(agesMs[0]!);
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

  it('asks for the worst 200 of them, and says how many more there are', async () => {
    const nodes = Array.from({ length: 1_000 }, (_, index) => ({
      node_id: `n${index}`,
      region_id: 'tokyo',
      endpoint: '127.0.0.1:1',
    }));
    await using le = await startFakeLe({ geo: { nodes } });
    for (const [index, { node_id }] of nodes.entries()) {
      le.geo.nodes.change(node_id, {
        status: index < 50 ? 'unknown' : index < 60 ? 'offline' : 'maintenance',
      });
    }
    const { stdout } = await cli(le, 'top');
    expect(le.requests.map(({ path }) => path).filter((path) => path.startsWith('/api/geo/nodes'))).toEqual([
      '/api/geo/nodes?status=offline&limit=200',
      '/api/geo/nodes?status=unknown&limit=190',
      '/api/geo/nodes?status=maintenance&limit=140',
    ]);
    expect(stdout).toMatch(/^NODES NOT ONLINE {2}1000$/m);
    expect(stdout.match(/^n\d+ /gm)).toHaveLength(200);
    expect(stdout).toMatch(/^… 800 more$/m);
  });

  it('asks for no more of them than there are', async () => {
    const nodes = ['a', 'b'].map((node_id) => ({ node_id, region_id: 'tokyo', endpoint: '127.0.0.1:1' }));
    await using le = await startFakeLe({ geo: { nodes } });
    le.geo.nodes.change('b', { status: 'offline' });
    const { stdout } = await cli(le, 'top');
    const asked = le.requests.map(({ path }) => path).filter((path) => path.startsWith('/api/geo/nodes'));
    expect(asked).toEqual(['/api/geo/nodes?status=offline&limit=1']);
    expect(stdout).toMatch(/^NODES NOT ONLINE {2}1$/m);
    expect(stdout).not.toContain(' more');
  });
});
