import semver from 'semver';
import { z } from 'zod';

/** The version of a worker: semantic, like `1.4.0` or `2.0.0-beta.1`. */
export const versionSchema = z
  .string()
  .refine((text) => semver.valid(text) === text, 'has to be a semantic version, like 1.4.0')
  .meta({ id: 'Version', examples: ['1.4.0'] });

/** What a task may ask of the version that runs it: `^1.2`, `>=1.0.0 <3`, `1.x`. */
export const versionRangeSchema = z
  .string()
  .min(1)
  .max(100)
  .refine((text) => semver.validRange(text) !== null, 'has to be a range of versions, like ^1.2')
  .meta({ id: 'VersionRange', examples: ['^1.2'] });

/** Negative when `a` is older than `b`. What is no version is older than everything. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [semver.parse(a), semver.parse(b)];
  if (!left || !right) return Number(left !== null) - Number(right !== null);
  return left.compare(right);
}

/** The major of a version: versions that share it take the same inputs and share a pool. */
export function majorOf(version: string): number {
  return semver.parse(version)?.major ?? 0;
}

/** Like `2.0.0-beta.1`. Text behind `+` is only of the build. */
export function isPrerelease(version: string): boolean {
  return semver.prerelease(version) !== null;
}

/** Versions before a release (`2.0.0-beta.1`) count as of their range. */
export function isInRange(version: string, range: string): boolean {
  return semver.satisfies(version, range, { includePrerelease: true });
}
