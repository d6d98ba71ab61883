import { chooseTarget, unfitness } from './choose-target.ts';
import type { FailoverJudgement, FailoverSituation, FailoverWish, PassedOver } from './failover.ts';

type Refusal = Extract<FailoverJudgement, { allowed: false }>;

/**
 * Whether a failover may happen now, and where to. To be asked again right before the switch, which is then made by
 * compare-and-set on the epoch of the same situation. The reasons for each guard: docs/detection.md.
 */
export function judgeFailover(wish: FailoverWish, situation: FailoverSituation): FailoverJudgement {
  const refusal = wrongSource(wish, situation) ?? wrongTarget(wish, situation);
  if (refusal) return refusal;
  if (wish.automatic) {
    const unfounded = withoutGrounds(wish, situation);
    if (unfounded) return unfounded;
  }
  const { to, passedOver } = targetOf(wish, situation);
  if (to === null) return refused('no other region can take over', passedOver);
  return coolingDown(situation, passedOver) ?? { allowed: true, to, passedOver };
}

function wrongSource({ from }: FailoverWish, { regions, active }: FailoverSituation): Refusal | null {
  if (!regions.some(({ regionId }) => regionId === from))
    return refused(`there is no region ${from} to leave`);
  if (from === active.regionId) return null;
  return refused(`${from} is not the active region; ${active.regionId} is`);
}

function wrongTarget({ from, to, automatic }: FailoverWish, { regions }: FailoverSituation): Refusal | null {
  if (to === undefined) return null;
  const target = regions.find(({ regionId }) => regionId === to);
  if (!target) {
    const known = regions.map(({ regionId }) => regionId).join(', ');
    return { ...refused(`there is no region ${to}; there are ${known}`), code: 'unknown_region' };
  }
  if (to === from) return refused(`${to} is the region that is to be left`);
  const unfit = unfitness(target, automatic);
  return unfit === null ? null : refused(`${to} cannot take over: ${unfit}`);
}

/** What a policy may not do, and an operator may. */
function withoutGrounds({ from }: FailoverWish, { regions }: FailoverSituation): Refusal | null {
  const left = regions.find(({ regionId }) => regionId === from);
  if (left?.status !== 'offline') {
    return refused(
      `${from} is ${left?.status ?? 'unknown'}; only a region that is offline is left automatically`,
    );
  }
  const others = regions.filter(({ regionId, status }) => regionId !== from && status === 'offline');
  if (others.length === 0) return null;
  return refused(
    `${others.map(({ regionId }) => regionId).join(', ')} ${others.length === 1 ? 'is' : 'are'} offline as well; ` +
      'with more than one region down an operator decides (maintenance takes a region out of this count)',
  );
}

function targetOf(
  wish: FailoverWish,
  situation: FailoverSituation,
): { to: string | null; passedOver: readonly PassedOver[] } {
  // Whoever names the target has not weighed the others.
  if (wish.to !== undefined) return { to: wish.to, passedOver: [] };
  const { to, passedOver } = chooseTarget(wish, situation);
  return { to: to?.regionId ?? null, passedOver };
}

function coolingDown(
  { lastFailoverAt, cooldownMs, now }: FailoverSituation,
  passedOver: readonly PassedOver[],
): Refusal | null {
  // One that lies in the future was written by a clock that was wrong: it must not refuse until that time has come.
  const leftMs = lastFailoverAt === null ? 0 : cooldownMs - Math.abs(now - lastFailoverAt);
  if (leftMs <= 0) return null;
  const reason = `the last failover was less than ${cooldownMs / 1000} s ago`;
  return { ...refused(reason, passedOver), code: 'failover_cooldown', retryAfterMs: leftMs };
}

function refused(reason: string, passedOver: readonly PassedOver[] = []): Refusal {
  return { allowed: false, code: 'failover_refused', reason, retryAfterMs: null, passedOver };
}
