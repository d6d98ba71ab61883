import type { Duplex } from 'node:stream';

/**
 * amqplib hands every frame to the socket on its own, and each would be a system call: 40 % of IC's time. Corked until
 * the end of the operation that writes, the frames of a turn leave together.
 */
export function coalesceWrites(socket: Duplex | undefined): void {
  if (!socket) return;
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let corked = false;
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = ((...args: unknown[]) => {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(uncork);
    }
    return write(...args);
  }) as typeof socket.write;
}
