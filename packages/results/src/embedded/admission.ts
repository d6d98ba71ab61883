import { topicPrefix } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { AedesOptions } from 'aedes';

/**
 * What clients from outside this process may do: connect, and subscribe below `tenma/v1/`. Nothing else. They publish
 * nothing (neither `$SYS` nor a will), because whoever may announce results could forge them; and no session outlives its
 * connection, because what is kept for an absent client has no bound.
 */
export function admission(log: Log): AedesOptions {
  return {
    preConnect(_client, packet, callback) {
      packet.clean = true;
      delete packet.will;
      callback(null, true);
    },
    /** aedes ends the connection: MQTT 3.1.1 has no way to refuse a message, only to lose it in silence. */
    authorizePublish(client, packet, callback) {
      log.debug({ client: client?.id, topic: packet.topic }, 'MQTT publish from outside refused');
      callback(new Error('clients from outside may not publish'));
    },
    authorizeSubscribe(client, subscription, callback) {
      if (subscription.topic.startsWith(`${topicPrefix}/`)) return callback(null, subscription);
      log.debug(
        { client: client.id, filter: subscription.topic },
        `MQTT subscription outside ${topicPrefix}/ refused`,
      );
      callback(null, null);
    },
  };
}
