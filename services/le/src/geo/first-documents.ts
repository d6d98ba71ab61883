import {
  autoFailoverPolicyId,
  newPolicySchema,
  type NewRegion,
  newRegionSchema,
  type Policy,
  timestamp,
} from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
import { activeRegionId } from '../documents/kinds.ts';
import { policyRecord } from '../smart-control/policy-registry.ts';
import { regionRecord } from './regions.ts';
import type { GeoSettings } from './settings.ts';
import { activeRegion } from './view.ts';

const aws = (
  region_id: string,
  display_name: string,
  lat: number,
  lon: number,
  priority: number,
): NewRegion =>
  newRegionSchema.parse({ region_id, display_name, provider: 'aws', location: { lat, lon }, priority });

/** The five regions that the source registers. */
export const sourceRegions: readonly NewRegion[] = [
  aws('ap-northeast-1', 'Asia Pacific (Tokyo)', 35.68, 139.69, 1),
  aws('us-east-1', 'US East (N. Virginia)', 39.04, -77.49, 2),
  aws('us-west-2', 'US West (Oregon)', 45.52, -122.68, 3),
  aws('eu-west-1', 'Europe (Ireland)', 53.33, -6.25, 4),
  aws('ap-southeast-1', 'Asia Pacific (Singapore)', 1.35, 103.82, 5),
];

/** Verdicts that are deleted in one write. */
const forgottenAtOnce = 500;
/** Lost races for them after which they are somebody else's business. */
const forgettingTriesMax = 5;

/**
 * Writes, into a store that has no active region yet, the default regions, which of them is active, and the built-in
 * policy. Where regions are not watched, it takes away what was found out about them before.
 * @throws StoreUnavailableError
 */
export function writeFirstDocuments(
  settings: GeoSettings,
  clock: Clock,
): (documents: DocumentCache) => Promise<void> {
  return async (documents) => {
    // A conflict means that another replica was faster: it has written the same.
    if (!activeRegion(documents)) {
      await documents.write(firstDocuments(settings, timestamp(clock.now())));
    }
    if (!settings.enabled) await forgetVerdicts(documents);
  };
}

/** Nobody would ever renew them: a region that was offline when watching ended would be avoided for ever. */
async function forgetVerdicts(documents: DocumentCache): Promise<void> {
  for (let lost = 0; lost < forgettingTriesMax; ) {
    const writes = deletions(documents);
    if (writes.length === 0) return;
    if (await documents.write(writes)) lost += 1;
  }
}

function deletions(documents: DocumentCache): Write[] {
  const writes = (['region-verdict', 'node-verdict'] as const).flatMap((kind) =>
    [...documents.all(kind)].map(
      ([id, { version }]): Write => ({ kind, id, expected: version, value: null }),
    ),
  );
  return writes.slice(0, forgottenAtOnce);
}

function firstDocuments({ defaultRegions, firstActive, autoFailover }: GeoSettings, now: string): Write[] {
  const named = defaultRegions.some(({ region_id: id }) => id === firstActive);
  const regions = named
    ? defaultRegions
    : [...defaultRegions, wellKnown(firstActive) ?? placeless(firstActive)];
  const active = { active_region: firstActive, region_id: firstActive, epoch: 1, since: now };
  const policy = autoFailoverPolicy(autoFailover, now);
  return [
    ...regions.map((region): Write => {
      const value = regionRecord(region, now);
      return { kind: 'region', id: value.region_id, expected: 0, value };
    }),
    { kind: 'active-region', id: activeRegionId, expected: 0, value: active },
    { kind: 'policy', id: policy.policy_id, expected: 0, value: policy },
  ];
}

function wellKnown(id: string): NewRegion | undefined {
  return sourceRegions.find(({ region_id }) => region_id === id);
}

/** The active region has to be registered, though nobody has said where it is: its name says that it is missing. */
function placeless(region_id: string): NewRegion {
  const display_name = `${region_id} (location not set)`;
  return newRegionSchema.parse({ region_id, display_name, location: { lat: 0, lon: 0 } });
}

function autoFailoverPolicy(enabled: boolean, now: string): Policy {
  const said = newPolicySchema.parse({
    policy_id: autoFailoverPolicyId,
    when: { event: 'region.status', where: { status: 'offline', active: true } },
    // Where the lost region is not: any other can look.
    // oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and no function
    then: {
      type: 'region-failover',
      region: 'any',
      priority: 9,
      input: {
        from_region: '{region_id}',
        triggered_by: 'health_monitor',
        reason: 'region_health_check_failed',
      },
    },
    enabled,
  });
  return policyRecord(said, { builtIn: true, now });
}
