import { compareVersions, type Presence } from '@tenma/protocol';

/** The versions of a type that these WEEs have, the highest first. */
export function versionsOf(online: Iterable<Presence>, type: string): string[] {
  return [...(versionsByType(online).get(type) ?? [])].sort((a, b) => compareVersions(b, a));
}

/** What these WEEs have. */
export function versionsByType(online: Iterable<Presence>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { types } of online) {
    for (const { type, version } of types) {
      const versions = found.get(type) ?? new Set();
      found.set(type, versions.add(version));
    }
  }
  return found;
}

/** WEEs that have the version and run it as their candidate; who does not say what he does with it may well do. */
export function triersOf(online: Iterable<Presence>, type: string, version: string): string[] {
  const isIt = (one: { readonly type: string; readonly version: string }) =>
    one.type === type && one.version === version;
  return [...online]
    .filter(({ types, versions = [] }) => {
      const report = versions.find(isIt);
      return types.some(isIt) && (report === undefined || report.role === 'candidate');
    })
    .map(({ wee_id: id }) => id);
}
