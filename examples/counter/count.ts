/**
 * `node tools/run.mjs examples/counter/count.ts [URL]`: computes a counter through the engine, on a node of its choice
 * and then on one that is chosen here.
 */
import { createClient } from '@tenma/client';
import counterWorker from './index.ts';

const say = (line: string) => void process.stdout.write(`${line}\n`);

await using client = createClient({ url: process.argv[2] ?? 'http://127.0.0.1:8080' });
const counter = client.worker(counterWorker);

const cost = await counter.estimateCost({ value: 0, increment: 1 });
const anywhere = await counter.execute({ value: 0, increment: 1 }, { region: 'any' });
say(`an attempt takes ${cost} slot; the engine chose ${anywhere.region}: ${anywhere.value}`);

const nodes = (await client.workers()).filter(({ types }) => types.some(({ type }) => type === 'counter'));
let { value } = anywhere;
for (const { wee_id: wee } of nodes) {
  const answer = await counter.execute({ value, increment: 2 }, { region: 'any', requires: { wee } });
  say(`on ${wee}, in ${answer.region}: ${value} + 2 = ${answer.value}`);
  value = answer.value;
}

const many = await counter.map(
  [-1, -2, -3].map((increment) => ({ value, increment })),
  { region: 'any' },
);
say(`three at once: ${many.map((each) => (each.ok ? each.output.value : each.error.message)).join(', ')}`);
