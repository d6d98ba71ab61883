import type { Duplex } from 'node:stream';

/**
 * Ends a connection on which a packet larger than `maxBytes` is announced. aedes has no such limit and would buffer up
 * to MQTT's 256 MiB for each client; clients from outside only ever send small packets, as they may not publish.
 */
export function guardPacketSize(connection: Duplex, maxBytes: number): void {
  const fits = packetSizeCheck(maxBytes);
  const read = connection.read.bind(connection);
  // aedes takes everything through read(); a stream of our own in between would cost every message sent.
  connection.read = (size?: number) => {
    const chunk: unknown = read(size);
    if (!(chunk instanceof Uint8Array) || fits(chunk)) return chunk;
    connection.destroy(new Error(`an MQTT packet of more than ${maxBytes} bytes`));
    return null;
  };
}

/** Follows the fixed headers (MQTT 3.1.1, 2.2) in a sequence of chunks; false once a remaining length is over the limit. */
export function packetSizeCheck(maxBytes: number): (chunk: Uint8Array) => boolean {
  let bodyBytes = 0;
  /** Position in the fixed header: 0 is the type, from 1 on come up to four bytes of length, lowest seven bits first. */
  let header = 0;
  let length = 0;
  return (chunk) => {
    for (let index = 0; index < chunk.length; ) {
      if (bodyBytes > 0) {
        const taken = Math.min(bodyBytes, chunk.length - index);
        bodyBytes -= taken;
        index += taken;
        continue;
      }
      const byte = chunk[index] ?? 0;
      index += 1;
      if (header === 0) {
        header = 1;
        length = 0;
        continue;
      }
      length += (byte & 127) * 128 ** (header - 1);
      if (length > maxBytes || header > 4) return false;
      header = byte >= 128 ? header + 1 : 0;
      if (header === 0) bodyBytes = length;
    }
    return true;
  };
}
