import type { ServerResponse } from 'node:http';
import {
  idleReport,
  type Problem,
  problem,
  type Release,
  releasePromotionSchema,
  releaseRollbackSchema,
  releaseUpdateSchema,
  type ReleaseView,
  timestamp,
} from '@tenma/protocol';
import { parse } from './fake-collection.ts';
import { type RecordedRequest, sendJson, sendProblem } from './replies.ts';

/** Releases as a fake LE keeps them. Nobody judges a candidate here. */
export interface FakeReleases {
  readonly all: ReadonlyMap<string, ReleaseView>;
  /** Makes a type known by the versions that one WEE has of it; the first is the stable one. */
  add(type: string, versions: readonly string[]): ReleaseView;
  change(type: string, patch: Partial<ReleaseView>): ReleaseView;
  answer(
    request: RecordedRequest,
    type: string | undefined,
    verb: string | undefined,
    response: ServerResponse,
  ): void;
}

export function createFakeReleases(): FakeReleases {
  const all = new Map<string, ReleaseView>();

  function change(type: string, patch: Partial<ReleaseView>): ReleaseView {
    const before = all.get(type);
    if (before === undefined) throw new Error(`The fake has no release of ${type}`);
    const release = { ...before, since: timestamp(Date.now()), ...patch };
    all.set(type, release);
    return release;
  }

  return {
    all,
    change,
    add(type, versions) {
      const [stable = '1.0.0'] = versions;
      const release: ReleaseView = {
        type,
        stable,
        candidate: null,
        share: 0,
        since: timestamp(Date.now()),
        rejected: [],
        hold: false,
        versions: versions.map((version) => ({
          ...idleReport,
          type,
          version,
          wee_id: 'wee-1',
          region: 'tokyo',
        })),
      };
      all.set(type, release);
      return release;
    },
    answer(request, type, verb, response) {
      if (type === undefined) return void sendJson(response, 200, { items: [...all.values()] });
      const release = all.get(type);
      if (release === undefined) return void sendProblem(response, problem('unknown_release'));
      if (verb === undefined) return void sendJson(response, 200, release);
      const outcome = decide(release, verb, request.body);
      if ('status' in outcome) sendProblem(response, outcome);
      else sendJson(response, 200, change(type, outcome));
    },
  };
}

/** What a verb makes of a release, or why it does not. */
function decide(release: ReleaseView, verb: string, body: unknown): Partial<Release> | Problem {
  const { candidate, rejected, stable } = release;
  if (verb === 'update') {
    const parsed = parse(releaseUpdateSchema, body);
    if (!parsed.ok) return parsed.problem;
    const { version, share } = parsed.value;
    if (!release.versions.some((one) => one.version === version)) return problem('unknown_release');
    return { candidate: version, share, hold: false };
  }
  if (candidate === null) return problem('invalid_state');
  if (verb === 'promote') {
    const parsed = parse(releasePromotionSchema, body);
    if (!parsed.ok) return parsed.problem;
    if ((parsed.value.version ?? candidate) !== candidate) return problem('invalid_state');
    return { stable: candidate, candidate: null, share: 0 };
  }
  if (verb !== 'rollback') return problem('not_found');
  const parsed = parse(releaseRollbackSchema, body);
  if (!parsed.ok) return parsed.problem;
  if ((parsed.value.version ?? candidate) !== candidate) return problem('invalid_state');
  const last = { version: candidate, reason: parsed.value.reason, at: timestamp(Date.now()) };
  return { stable, candidate: null, share: 0, rejected: [...rejected, last] };
}
