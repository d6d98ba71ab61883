import { problem } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { createClient } from './index.ts';
import { sendJson, sendProblem, startFakeLe } from './testing/index.ts';

describe('releases', () => {
  it('are listed, and looked at one by one', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    le.releases.add('echo', ['1.0.0', '1.1.0']);
    expect(await client.releases.list()).toMatchObject([{ type: 'echo', stable: '1.0.0', candidate: null }]);
    const { versions } = await client.releases.get('echo');
    expect(versions.map(({ version, wee_id }) => [version, wee_id])).toEqual([
      ['1.0.0', 'wee-1'],
      ['1.1.0', 'wee-1'],
    ]);
    await expect(client.releases.get('none')).rejects.toMatchObject({ code: 'unknown_release', status: 404 });
  });

  it('are updated, promoted and rolled back', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    le.releases.add('echo', ['1.0.0', '1.1.0', '1.2.0']);
    const { releases } = client;
    expect(await releases.update('echo', { version: '1.1.0' })).toMatchObject({
      candidate: '1.1.0',
      share: 0.1,
    });
    expect(await releases.promote('echo')).toMatchObject({ stable: '1.1.0', candidate: null });
    expect(await releases.update('echo', { version: '1.2.0', share: 0.5 })).toMatchObject({ share: 0.5 });
    expect(await releases.rollback('echo', { version: '1.2.0', reason: 'slow' })).toMatchObject({
      stable: '1.1.0',
      rejected: [{ version: '1.2.0', reason: 'slow' }],
      hold: false,
    });
    await expect(releases.promote('echo')).rejects.toMatchObject({ code: 'invalid_state', status: 409 });
  });

  it('are changed once where no version is named: the second change could be another', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    le.releases.add('echo', ['1.0.0', '1.1.0']);
    await client.releases.update('echo', { version: '1.1.0' });
    for (const named of [{}, { version: '1.1.0' }]) {
      const stop = le.play((_request, response) => {
        stop();
        return sendProblem(response, problem('store_unavailable'));
      });
      const before = le.requests.length;
      const ended = await client.releases.rollback('echo', named).catch((error: unknown) => error);
      const isNamed = 'version' in named;
      expect(le.requests.length - before).toBe(isNamed ? 2 : 1);
      expect(ended).toMatchObject(isNamed ? { candidate: null } : { code: 'store_unavailable' });
    }
  });

  it('may come without the reports of the WEEs', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const { versions: _, ...release } = le.releases.add('echo', ['1.0.0']);
    le.play((_request, response) => sendJson(response, 200, release));
    expect(await client.releases.promote('echo')).toEqual({ ...release, versions: [] });
  });
});

describe('an explanation', () => {
  it('says why a task waits', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const { id } = le.add({ type: 'echo' });
    le.change(id, { state: 'waiting', reason: 'no_eligible_worker' });
    expect(await client.tasks.explain(id)).toMatchObject({
      task_id: id,
      state: 'waiting',
      lines: expect.arrayContaining(['It is waiting: no_eligible_worker.']),
    });
  });
});
