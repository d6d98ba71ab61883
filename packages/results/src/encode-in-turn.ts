import type { InOrder } from '@tenma/runtime';
import { encodePayload, type Payload } from './payload.ts';

/**
 * Encodes a payload and announces it, after those before it: one that takes its time is not overtaken. Settles as
 * `announce` does.
 */
export function encodeInTurn(
  packing: InOrder,
  payload: unknown,
  announce: (payload: Payload) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = (encoded: Payload) => {
      try {
        announce(encoded).then(resolve, reject);
      } catch (error) {
        reject(error as Error);
      }
    };
    packing.add(() => {
      try {
        const encoded = encodePayload(payload);
        return encoded instanceof Promise ? encoded.then(go).catch(reject) : go(encoded);
      } catch (error) {
        // It has no JSON.
        return reject(error as Error);
      }
    });
  });
}
