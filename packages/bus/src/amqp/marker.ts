import { type Clock, sleep } from '@tenma/runtime';
import type { ChannelModel } from 'amqplib';
import { replyCodeOf, replyCodes, withChannel } from './channel.ts';
import { decodeContent } from './content.ts';

/** Looks, in total less than a second: while another reader holds the message the queue looks empty. */
const looks = 12;
const waitStepMs = 10;

/** The body of the queue's one message, left there; null when there is no queue or no message. */
export async function readMarker(
  { clock, random }: { clock: Clock; random: () => number },
  model: ChannelModel,
  queue: string,
): Promise<unknown> {
  for (let look = 1; ; look += 1) {
    const found = await lookAt(clock, model, queue);
    if (found === 'no queue') return null;
    if (found) return found.body ?? null;
    if (look === looks) return null;
    await sleep(clock, Math.ceil(random() * waitStepMs * look));
  }
}

async function lookAt(
  clock: Clock,
  model: ChannelModel,
  queue: string,
): Promise<{ body: unknown } | 'no queue' | undefined> {
  try {
    return await withChannel(clock, model, async (channel) => {
      const message = await channel.get(queue);
      if (!message) return undefined;
      channel.nack(message, false, true);
      const decoded = await decodeContent(message);
      return { body: 'body' in decoded ? decoded.body : undefined };
    });
  } catch (error) {
    if (replyCodeOf(error) === replyCodes.notFound) return 'no queue';
    throw error;
  }
}

/** Messages ready in a queue, null when there is no such queue. */
export async function queueDepth(clock: Clock, model: ChannelModel, queue: string): Promise<number | null> {
  try {
    return (await withChannel(clock, model, (channel) => channel.checkQueue(queue))).messageCount;
  } catch (error) {
    if (replyCodeOf(error) === replyCodes.notFound) return null;
    throw error;
  }
}
