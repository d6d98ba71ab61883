import { describe, expect, it } from 'vitest';
import { blobsContract } from './contract/blobs.contract.ts';
import { concurrencyContract } from './contract/concurrency.contract.ts';
import { dispatchingContract } from './contract/dispatching.contract.ts';
import { documentsContract } from './contract/documents.contract.ts';
import { forgettingContract } from './contract/forgetting.contract.ts';
import { lanesContract } from './contract/lanes.contract.ts';
import { listingContract } from './contract/listing.contract.ts';
import { observationsContract } from './contract/observations.contract.ts';
import { newId, sampleTask } from './contract/sample-task.ts';
import type { CreateFixture } from './contract/store-fixture.ts';
import { writingContract } from './contract/writing.contract.ts';
import { StoreUnavailableError } from './store.ts';

/** What every store promises; each adapter runs it. */
export function storeContract({ name, create }: { name: string; create: CreateFixture }): void {
  describe(`the ${name} store`, () => {
    writingContract(create);
    dispatchingContract(create);
    lanesContract(create);
    listingContract(create);
    concurrencyContract(create);
    forgettingContract(create);
    documentsContract(create);
    observationsContract(create);
    blobsContract(create);

    it('is connected until it is closed, and then refuses every call', async () => {
      await using fixture = await create();
      const { store } = fixture;
      expect(store.status).toBe('connected');
      const seen: string[] = [];
      using _listening = store.onStatus((status) => seen.push(status));
      const inserting = store.insert([sampleTask()]);
      await store[Symbol.asyncDispose]();
      await expect(inserting).resolves.toEqual([{ inserted: true }]);
      expect(store.status).toBe('closed');
      expect(seen).toEqual(['closed']);
      await expect(store.get(newId())).rejects.toBeInstanceOf(StoreUnavailableError);
      await expect(store.insert([sampleTask()])).rejects.toBeInstanceOf(StoreUnavailableError);
      await store[Symbol.asyncDispose]();
    });

    it('takes a notification without an answer to itself', async () => {
      await using fixture = await create();
      const heard: unknown[] = [];
      using _listening = fixture.store.onNotify((...notice) => heard.push(notice));
      await fixture.store.notify('tasks', [newId()]);
      await fixture.store.notify('tasks', []);
      await fixture.store.notify('documents', ['region']);
      await fixture.store.read('anything');
      expect(heard).toEqual([]);
    });
  });
}
