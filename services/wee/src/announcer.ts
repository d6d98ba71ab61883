import {
  type Assignment,
  cloudEvent,
  type FinishedEvent,
  type Json,
  limits,
  type Offline,
  type Presence,
  resultEvent,
  type TaskProgress,
  type TaskResult,
  type TaskStateChange,
  timestamp,
  topics,
} from '@tenma/protocol';
import type { Results, Will } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';

/** What a WEE says on MQTT about itself and the tasks it runs. MQTT being away stops nothing. */
export interface Announcer {
  /** Resolves with whether the broker has acknowledged it. */
  result(assignment: Assignment, event: Omit<FinishedEvent, 'announced'>): Promise<boolean>;
  running(assignment: Assignment): void;
  progress(assignment: Assignment, sequence: number, progress: Json): void;
  presence(presence: Presence): Promise<void>;
  /** Says that this boot is gone, and takes the retained presence away. */
  goodbye(): Promise<void>;
}

interface Components {
  readonly results: Results;
  readonly clock: Clock;
  readonly log: Log;
}

interface Identity {
  readonly weeId: string;
  readonly bootId: string;
  readonly region: string;
}

const sourceOf = ({ region, weeId }: Pick<Identity, 'region' | 'weeId'>) =>
  `/regions/${region}/wees/${weeId}`;

export function createAnnouncer(components: Components, identity: Identity): Announcer {
  const { results, clock, log } = components;
  const { region, weeId } = identity;
  const topic = topics.worker(region, weeId);
  const source = sourceOf(identity);

  /** QoS 0 messages are of the moment: lost when MQTT is away. */
  function say(topic: string, name: string, id: string, data: TaskStateChange | TaskProgress): void {
    if (results.status !== 'connected') return;
    const event = cloudEvent({ id, source, name, subject: data.task_id, at: clock.now(), data });
    results.announce(topic, event, { qos: 0 }).catch(() => undefined);
  }

  return {
    async result(assignment, event) {
      if (results.status !== 'connected') return false;
      const { id, type, dispatch_no: dispatchNo } = assignment;
      const payload = resultEvent(source, resultOf(assignment, event, identity), {
        dispatchNo,
        at: event.at,
      });
      try {
        await results.announce(topics.result(region, type, id), payload, { qos: 1 });
        return true;
      } catch (error) {
        log.debug({ err: error, task: id }, 'result not announced; LE will');
        return false;
      }
    },
    running({ id: task_id, type, attempt, revision }) {
      const data = { task_id, type, region, state: 'running' as const, attempt, revision, reason: null };
      say(topics.state(region, type, task_id), 'task.running', `${task_id}/${attempt}/running`, data);
    },
    progress({ id: task_id, type, attempt }, sequence, progress) {
      if (JSON.stringify(progress).length > limits.progressBytes) return;
      const data = { task_id, type, region, attempt, sequence, progress };
      const id = `${task_id}/${attempt}/progress/${sequence}`;
      say(topics.progress(region, type, task_id), 'task.progress', id, data);
    },
    async presence(presence) {
      if (results.status !== 'connected') return;
      const at = clock.now();
      const id = `${presence.boot_id}/${at}`;
      const event = cloudEvent({
        id,
        source,
        name: `worker.${presence.status}`,
        subject: weeId,
        at,
        data: presence,
      });
      await results
        .announce(topic, event, { qos: 1, retain: true })
        .catch((error: unknown) => log.warn({ err: error }, 'presence not announced'));
    },
    async goodbye() {
      if (results.status !== 'connected') return;
      try {
        await results.announce(topic, willOf(identity, clock.now()).payload, { qos: 1 });
        await results.announce(topic, null, { qos: 1, retain: true });
      } catch (error) {
        log.warn({ err: error }, 'no goodbye said');
      }
    },
  };
}

function resultOf(
  { id, type, attempt, revision }: Assignment,
  { outcome, output, output_ref, error, started_at, at }: Omit<FinishedEvent, 'announced'>,
  { region, weeId }: Identity,
): TaskResult {
  return {
    task_id: id,
    type,
    region,
    state: outcome,
    attempt,
    revision,
    ...(output === undefined ? {} : { output }),
    ...(output_ref === undefined ? {} : { output_ref }),
    ...(error === undefined ? {} : { error }),
    worker: weeId,
    started_at: timestamp(started_at),
    finished_at: timestamp(at),
  };
}

/** What the broker says for a WEE that vanishes: that this boot of it is gone. */
export function willOf(identity: Identity, at: number): Will {
  const { weeId, bootId, region } = identity;
  const data: Offline = { wee_id: weeId, boot_id: bootId, region, status: 'offline' };
  const id = `${bootId}/will`;
  const payload = cloudEvent({
    id,
    source: sourceOf(identity),
    name: 'worker.offline',
    subject: weeId,
    at,
    data,
  });
  return { topic: topics.worker(region, weeId), payload, retain: true };
}
