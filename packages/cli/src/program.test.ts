import { sendProblem, startFakeLe } from '@tenma/client/testing';
import { type Problem, problem, type Task } from '@tenma/protocol';
import { temporaryFolder } from '@tenma/test-support';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli } from './cli-fixture.ts';

const outcomes: Record<string, Partial<Task>> = {
  echo: { state: 'succeeded', output: { ok: true }, worker: 'wee-1' },
  bad: { state: 'failed', error: { code: 'dns', message: 'no such host', retryable: false } },
  late: { state: 'expired', error: { code: 'queue_timeout', message: 'never started', retryable: false } },
};
const run = (task: Task) => outcomes[task.type];

describe('task run', () => {
  it('prints the output alone on stdout, and how it went on stderr', async () => {
    await using le = await startFakeLe({ run });
    const { code, stdout, stderr } = await cli(le, 'task run echo');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"ok":true}\n' });
    expect(stderr).toMatch(/^✓ echo [0-9a-f-]+ succeeded in \d+ ms \(wee-1\)\n$/);
  });

  it('sends every option as the API spells it', async () => {
    await using le = await startFakeLe({ run });
    const options =
      '--region tokyo --priority 7 --timeout 30s --label a=b --label c=d --idempotency-key k --no-wait';
    const { stdout } = await cli(le, `task run echo ${options}`);
    const body = {
      region: 'tokyo',
      priority: 7,
      timeout_ms: 30_000,
      labels: { a: 'b', c: 'd' },
      idempotency_key: 'k',
    };
    expect(le.requests[0]?.body).toMatchObject({ tasks: [body] });
    expect(stdout.trim()).toBe([...le.tasks.keys()][0]);
  });

  it('sends where a task may run, what it costs and what it shares a limit with', async () => {
    await using le = await startFakeLe({ run });
    const options =
      '--region any --near tokyo --wee wee-1 --require-version ^1.2 --cost 30 --limit-key acme --limit-rate 2.5 --limit-concurrent 4';
    await cli(le, `task run echo ${options}`);
    expect(le.requests[0]?.body).toMatchObject({
      tasks: [
        {
          region: 'any',
          near: 'tokyo',
          requires: { wee: 'wee-1', version: '^1.2' },
          cost: 30,
          limit: { key: 'acme', per_s: 2.5, concurrent: 4 },
        },
      ],
    });
    await cli(le, 'schedule add s1 --type echo --every 30s --near tokyo --limit-key acme --limit-rate 1');
    expect(le.requests.at(-1)?.body).toMatchObject({
      task: { near: 'tokyo', limit: { key: 'acme', per_s: 1 } },
    });
  });

  it.each(['--limit-key a', '--limit-rate 1', '--limit-concurrent 1', '--cost 101', '--cost heavy'])(
    'refuses half a limit and a cost that is none (%s)',
    async (options) => {
      await using le = await startFakeLe();
      const { code, stderr } = await cli(le, `task run echo ${options}`);
      expect(code).toBe(2);
      expect(stderr).toMatch(/(A limit needs a key and a number|--cost takes a whole number).*\(usage\)/);
      expect(le.requests).toEqual([]);
    },
  );

  it('prints an output that is kept as a blob like any other; with --json the record names it', async () => {
    const output = { rows: [1, 2, 3] };
    await using le = await startFakeLe({
      run: () => ({ state: 'succeeded', output_ref: le.blobs.keep(output) }),
    });
    expect(await cli(le, 'task run report')).toMatchObject({ code: 0, stdout: '{"rows":[1,2,3]}\n' });
    const { stdout } = await cli(le, 'task run report --json');
    expect(JSON.parse(stdout)).toMatchObject({ output: null, output_ref: { bytes: 16 } });
  });

  it('makes the input of -i: JSON, strings and dotted keys, over that of -f', async () => {
    await using le = await startFakeLe({ run });
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'in.json');
    await writeFile(file, '{"url": "x", "headers": {"a": 1}}');
    const pairs = [
      'n=5',
      'url=https://example.com/?q=1',
      'headers.accept=text/html',
      'list=[1,"2"]',
      's="5"',
    ];
    await cli(le, ['task', 'run', 'echo', '-f', file, ...pairs.flatMap((pair) => ['-i', pair])]);
    expect([...le.tasks.values()][0]?.input).toEqual({
      url: 'https://example.com/?q=1',
      headers: { a: 1, accept: 'text/html' },
      n: 5,
      list: [1, '2'],
      s: '5',
    });
    await cli(le, 'task run echo -f -', { stdin: '[1, 2]' });
    expect([...le.tasks.values()][1]?.input).toEqual([1, 2]);
  });

  it.each(['bad', 'late'])(
    'exits 5 when the task ends badly (%s), with its record and its error',
    async (type) => {
      await using le = await startFakeLe({ run });
      const people = await cli(le, `task run ${type}`);
      expect(people).toMatchObject({ code: 5, stdout: '' });
      expect(people.stderr).toContain(outcomes[type]?.error?.message ?? '');
      const { code, stdout, stderr } = await cli(le, `task run ${type} --json`);
      expect(code).toBe(5);
      expect(JSON.parse(stdout)).toMatchObject(outcomes[type] ?? {});
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: outcomes[type]?.error?.code } });
    },
  );

  it('exits 124 when the wait is over, with the task as last seen', async () => {
    await using le = await startFakeLe();
    const { code, stdout, stderr } = await cli(le, 'task run slow --wait=100ms --json');
    expect(code).toBe(124);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'accepted' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'result_timeout' } });
  });

  it('shows progress on a terminal once it takes more than a second, and wipes it away', async () => {
    await using le = await startFakeLe();
    const { code, stderr } = await cli(le, 'task run slow', {
      tty: true,
      onWrite(text) {
        const [id = ''] = le.tasks.keys();
        if (text.includes('accepted')) le.change(id, { state: 'running' });
        else if (text.includes('0.25')) le.change(id, { state: 'succeeded', output: 1 });
        else if (text.includes('running')) le.progress(id, 0.25);
      },
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(/slow [0-9a-f-]+ running 0\.25 \d\.\d s/);
    // The line is erased before the last word.
    expect(stderr.split('\r\u001b[2K').at(-1)).toMatch(/^\S+ slow [0-9a-f-]+ succeeded/);
  });

  it.each([{}, { tty: true }])('says why nobody takes it, and where to look (%o)', async (given) => {
    const reason = 'no_eligible_worker: no pool\nfor type slow';
    await using le = await startFakeLe({ run: () => ({ state: 'waiting', reason }) });
    const { code, stdout, stderr } = await cli(le, 'task run slow', {
      ...given,
      onWrite(text) {
        const [id = ''] = le.tasks.keys();
        if (text.includes('It waits')) le.change(id, { state: 'succeeded', output: 1 });
      },
    });
    const [id = ''] = le.tasks.keys();
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1\n' });
    expect(stderr).toMatch(/It waits: no_eligible_worker: no pool.{1,6}for type slow\. More: /);
    expect(stderr).toContain(`More: tenma task explain ${id}\n`);
  });

  it('says what to do when it waited for a WEE to the end of the wait, or of its queue time', async () => {
    const reason = 'no_eligible_worker: no pool for type slow';
    const waits = (task: Task) =>
      task.type === 'slow' ? ({ state: 'waiting', reason } as const) : run(task);
    await using le = await startFakeLe({ run: waits });
    const waited = await cli(le, 'task run slow --wait=100ms');
    const [id = ''] = le.tasks.keys();
    expect(waited.code).toBe(124);
    expect(waited.stderr).toContain(
      `hint: Start a WEE that can take slow; tenma task explain ${id} says what is`,
    );
    expect(waited.stderr).toContain(`tenma task watch ${id}`);
    expect((await cli(le, 'task run late')).stderr).toContain(
      'hint: Start a WEE that can take late, or more',
    );
    expect((await cli(le, 'task run bad')).stderr).toContain('hint: See everything about it');
  });

  it.each([{ environment: { NO_COLOR: '1' }, tty: true }, { environment: { TERM: 'dumb' }, tty: true }, {}])(
    'writes no escape sequence where none is wanted (%o)',
    async (given) => {
      await using le = await startFakeLe({ run });
      const { stdout, stderr } = await cli(le, 'task run echo', given);
      expect(stdout + stderr).not.toContain('\u001b');
    },
  );
});

describe('looking at tasks', () => {
  it('lists them in aligned columns, and says so when there are none', async () => {
    await using le = await startFakeLe();
    expect(await cli(le, 'task ls')).toEqual({ code: 0, stdout: '', stderr: 'no tasks\n' });
    expect(await cli(le, 'task ls --json')).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
    le.add({ type: 'a' });
    le.change(le.add({ type: 'longer' }).id, { state: 'waiting', reason: 'no\u001b[31m pool\nhere' });
    const lines = (await cli(le, 'task ls')).stdout.split('\n');
    expect(lines[0]).toMatch(/^ID {36}TYPE {4}STATE {5}REGION/);
    expect(lines[1]).toMatch(/^[0-9a-f-]{36} {2}a {7}accepted {2}active/);
    expect(lines[2]).toMatch(/longer {2}waiting .* no \[31m pool here$/);
  });

  it('filters', async () => {
    await using le = await startFakeLe();
    await cli(le, 'task ls --state queued,running --state failed --type a --region b --label k=v --limit 7');
    expect(Object.fromEntries(new URL(le.requests[0]?.path ?? '', le.url).searchParams)).toEqual({
      page_size: '7',
      state: 'queued,running,failed',
      type: 'a',
      region: 'b',
      label: 'k:v',
    });
  });

  it('shows all of one in sections', async () => {
    await using le = await startFakeLe({ run });
    await cli(le, 'task run bad --label team=sre');
    const { stdout } = await cli(le, `task get ${[...le.tasks.keys()][0]}`);
    expect(stdout).toMatch(/^STATE +failed$/m);
    expect(stdout).toMatch(/^ERROR +dns: no such host$/m);
    expect(stdout).toMatch(/^LABELS +team=sre$/m);
  });

  it('shows which version ran it, and where a large output is', async () => {
    await using le = await startFakeLe();
    const { id } = le.add({ type: 'report', near: 'tokyo', limit: { key: 'acme', per_s: 2 } });
    const output_ref = { ...le.blobs.keep('x'), bytes: 3_250_586 };
    le.change(id, { state: 'succeeded', worker: 'wee-1', worker_version: '1.4.0', output_ref });
    const { stdout } = await cli(le, `task get ${id}`);
    expect(stdout).toMatch(/^WORKER +wee-1\nVERSION +1\.4\.0$/m);
    expect(stdout).toMatch(/^NEAR +tokyo$/m);
    expect(stdout).toMatch(/^LIMIT +acme: 2 a second$/m);
    expect(stdout).toMatch(new RegExp(`^OUTPUT +3\\.1 MiB, kept until .*Z: tenma task output ${id}$`, 'm'));
    expect((await cli(le, `task watch ${id}`)).stdout).toContain('succeeded  an output of 3.1 MiB');
  });

  it('explains why one waits, in lines', async () => {
    await using le = await startFakeLe();
    const { id } = le.add({ type: 'slow' });
    le.change(id, { state: 'waiting', reason: 'no_eligible_worker' });
    const { code, stdout } = await cli(le, `task explain ${id}`);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `Task ${id} has no place yet.`,
      'It is waiting: no_eligible_worker.',
      '',
    ]);
  });

  it('watches one to its end, and its verdict is the exit code', async () => {
    await using le = await startFakeLe();
    const { id } = le.add({ type: 'slow' });
    const error = { code: 'dns', message: 'no such host', retryable: false };
    const { code, stdout } = await cli(le, `task watch ${id}`, {
      onWrite(text) {
        if (text.includes('accepted')) le.change(id, { state: 'failed', error });
      },
    });
    expect(code).toBe(5);
    expect(stdout).toMatch(/^\S+Z {2}accepted\n\S+Z {2}failed {5}dns: no such host\n$/);
  });
});

describe('task output', () => {
  it('is written to stdout or to a file, from the record or from its blob', async () => {
    await using le = await startFakeLe();
    await using folder = await temporaryFolder();
    const end = (patch: Partial<Task>) =>
      le.change(le.add({ type: 'report' }).id, { state: 'succeeded', ...patch }).id;
    const small = end({ output: { n: 1 } });
    const large = end({ output_ref: le.blobs.keep({ n: 2 }) });
    expect(await cli(le, `task output ${small}`)).toEqual({ code: 0, stdout: '{"n":1}\n', stderr: '' });
    expect(await cli(le, `task output ${large} --json`)).toMatchObject({ stdout: '{"n":2}\n' });
    const file = join(folder.path, 'out.json');
    expect(await cli(le, `task output ${large} --out ${file}`)).toMatchObject({ stdout: `${file}\n` });
    expect(await readFile(file, 'utf8')).toBe('{"n":2}\n');
    const nowhere = join(folder.path, 'none', 'out.json');
    expect(await cli(le, `task output ${small} --out ${nowhere}`)).toMatchObject({ code: 2 });
  });

  it('is not there before the end, without success, or once it has expired', async () => {
    await using le = await startFakeLe({ run });
    const open = le.add({ type: 'slow' }).id;
    const early = await cli(le, `task output ${open}`);
    expect(early).toMatchObject({ code: 6, stdout: '' });
    expect(early.stderr).toContain(`tenma task watch ${open}`);
    const failed = le.change(le.add({ type: 'slow' }).id, { state: 'failed' }).id;
    expect(await cli(le, `task output ${failed}`)).toMatchObject({ code: 5 });
    const output_ref = { ...le.blobs.keep(1), blob_id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10' };
    const gone = le.change(le.add({ type: 'slow' }).id, { state: 'succeeded', output_ref }).id;
    expect(await cli(le, `task output ${gone}`)).toMatchObject({ code: 3 });
  });
});

describe('watching a task that waits', () => {
  it('tells of it once for each reason, however often LE looks for a worker', async () => {
    await using le = await startFakeLe();
    const { id } = le.add({ type: 'slow' });
    const wait = (reason: string) => le.change(id, { state: 'waiting', reason });
    const steps: Record<string, () => void> = {
      accepted: () => ['no pool', 'no pool', 'no pool', 'pool is full', 'pool is full'].forEach(wait),
      'is full': () => le.change(id, { state: 'succeeded', output: 1 }),
    };
    const { stdout } = await cli(le, `task watch ${id}`, {
      onWrite: (text) => Object.entries(steps).find(([word]) => text.includes(word))?.[1](),
    });
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\S+ +/, ''));
    expect(told).toEqual(['accepted', 'waiting    no pool', 'waiting    pool is full', 'succeeded  1']);
  });
});

describe('several tasks at once', () => {
  it('are changed as far as they can be; what failed is told and is the verdict', async () => {
    await using le = await startFakeLe();
    const open = le.add({ type: 'slow' }).id;
    const gone = '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10';
    const { code, stdout, stderr } = await cli(le, `task cancel ${gone} ${open} ${gone} --json`);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject([{ id: open, state: 'cancelled' }]);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'unknown_task', errors: [{ pointer: '#/0' }, { pointer: '#/2' }] },
    });
    expect(await cli(le, `task cancel ${open}`)).toMatchObject({ code: 6 });
  });
});

describe('exit codes', () => {
  const refusal = (status: number): Problem => ({
    ...problem('internal'),
    status,
    code: 'x',
    retryable: false,
  });

  it.each([
    [400, 2],
    [401, 4],
    [403, 4],
    [404, 3],
    [409, 6],
    [412, 6],
    [413, 2],
    [422, 2],
    [500, 1],
  ])('of an answer %i is %i', async (status, expected) => {
    await using le = await startFakeLe();
    le.play((_request, response) => sendProblem(response, refusal(status)));
    const { code, stdout, stderr } = await cli(le, 'task ls --json');
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({ error: refusal(status) });
  });

  it.each([
    ['task run', 'missing required argument'],
    ['task run echo --nonsense', 'unknown option'],
    ['task run echo --priority 10', '0 to 9'],
    ['task run echo --wait=soon', 'duration'],
    ['task run echo --wait 30', 'duration'],
    ['task run echo --label nothing', '--label takes KEY=VALUE, not "nothing"'],
    ['task run echo -i nothing', '-i takes KEY=VALUE, not "nothing"'],
    ['task run echo -i __proto__.a=1', '__proto__'],
    ['task run echo -f /nowhere', '/nowhere'],
    ['task run echo -f - ', 'JSON'],
    ['task ls --state lost', 'no state'],
    ['task ls --limit 0', '--limit'],
    ['task lss', "unknown command 'lss'"],
    ['task', 'command is missing'],
    ['task ls --api nowhere', 'URL'],
  ])('of `%s` is 2, and nothing is sent', async (line, told) => {
    await using le = await startFakeLe();
    const { code, stdout, stderr } = await cli(le, ['--json', ...line.trim().split(' ')]);
    expect({ code, stdout, sent: le.requests.length }).toEqual({ code: 2, stdout: '', sent: 0 });
    const { error } = JSON.parse(stderr) as { error: Problem };
    expect(error).toMatchObject({ code: 'usage', hint: expect.stringMatching(/\w/) });
    expect(error.detail + error.hint).toContain(told);
  });

  it('of help and version is 0', async () => {
    await using le = await startFakeLe();
    expect(await cli(le, 'task run --help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--no-wait'),
    });
    expect(await cli(le, '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes') });
    expect(await cli(le, '--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});
