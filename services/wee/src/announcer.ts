import {
  type Assignment,
  cloudEvent,
  type FinishedEvent,
  type Json,
  limits,
  type Offline,
  type Presence,
  resultEvent,
  timestamp,
  topics,
} from '@tenma/protocol';
import type { Results, Will } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';

/** What a WEE says on MQTT about the tasks it runs. MQTT being away stops nothing: `result` answers false. */
export interface Announcer {
  /** Resolves with whether the broker has acknowledged it. */
  result(assignment: Assignment, event: Omit<FinishedEvent, 'announced'>): Promise<boolean>;
  running(assignment: Assignment): void;
  progress(assignment: Assignment, sequence: number, progress: Json): void;
  presence(presence: Presence): Promise<void>;
}

interface Components {
  readonly results: Results;
  readonly clock: Clock;
  readonly log: Log;
}

export function createAnnouncer(
  { results, clock, log }: Components,
  { region, weeId }: { region: string; weeId: string },
): Announcer {
  const source = `/regions/${region}/wees/${weeId}`;

  /** QoS 0 messages are of the moment: lost when MQTT is away. */
  function say(topic: string, payload: unknown): void {
    if (results.status === 'connected') results.announce(topic, payload, { qos: 0 }).catch(() => undefined);
  }

  return {
    async result(assignment, event) {
      if (results.status !== 'connected') return false;
      const { id: task_id, type, attempt, revision } = assignment;
      const payload = resultEvent(
        source,
        {
          task_id,
          type,
          region,
          state: event.outcome,
          attempt,
          revision,
          ...(event.output === undefined ? {} : { output: event.output }),
          ...(event.error === undefined ? {} : { error: event.error }),
          worker: weeId,
          started_at: timestamp(event.started_at),
          finished_at: timestamp(event.at),
        },
        event.at,
      );
      try {
        await results.announce(topics.result(region, type, task_id), payload, { qos: 1 });
        return true;
      } catch (error) {
        log.debug({ err: error, task: task_id }, 'result not announced; LE will');
        return false;
      }
    },
    running({ id: task_id, type, attempt, revision }) {
      const data = { task_id, type, region, state: 'running' as const, attempt, revision, reason: null };
      const id = `${task_id}/${attempt}/running`;
      const event = cloudEvent({ id, source, name: 'task.running', subject: task_id, at: clock.now(), data });
      say(topics.state(region, type, task_id), event);
    },
    progress({ id: task_id, type, attempt }, sequence, progress) {
      if (JSON.stringify(progress).length > limits.progressBytes) return;
      const data = { task_id, type, region, attempt, sequence, progress };
      const id = `${task_id}/${attempt}/progress/${sequence}`;
      const event = cloudEvent({
        id,
        source,
        name: 'task.progress',
        subject: task_id,
        at: clock.now(),
        data,
      });
      say(topics.progress(region, type, task_id), event);
    },
    async presence(presence) {
      if (results.status !== 'connected') return;
      const at = clock.now();
      const id = `${presence.boot_id}/${at}`;
      const name = `worker.${presence.status}`;
      const event = cloudEvent({ id, source, name, subject: weeId, at, data: presence });
      await results
        .announce(topics.worker(region, weeId), event, { qos: 1, retain: true })
        .catch((error: unknown) => log.warn({ err: error }, 'presence not announced'));
    },
  };
}

/** What the broker says for a WEE that vanishes: that this boot of it is gone. */
export function willOf(
  { weeId, bootId, region }: { weeId: string; bootId: string; region: string },
  at: number,
): Will {
  const data: Offline = { wee_id: weeId, boot_id: bootId, region, status: 'offline' };
  const source = `/regions/${region}/wees/${weeId}`;
  const payload = cloudEvent({
    id: `${bootId}/will`,
    source,
    name: 'worker.offline',
    subject: weeId,
    at,
    data,
  });
  return { topic: topics.worker(region, weeId), payload, retain: true };
}
