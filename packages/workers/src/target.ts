import { isIP } from 'node:net';
import { z } from 'zod';

/**
 * A host name or an IP address. It begins with a letter, a digit, `_` or `:`, so that no program can take it for an
 * option, and holds nothing that a shell, a URL or a resolver reads as anything else.
 */
export const hostSchema = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$/, 'must be a host name or an IP address')
  .refine(isHost, 'must be a host name or an IP address')
  .describe('A host name or an IP address.');

const hostName =
  /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$/;

function isHost(host: string): boolean {
  return isIP(host) !== 0 || hostName.test(host);
}

export const portSchema = z.int().min(1).max(65_535);

/** A probe's own limit. Below the timeout of its attempt, so that a silent target is a verdict and not a failure. */
export const timeoutSchema = z
  .int()
  .min(10)
  .max(30_000)
  .default(5_000)
  .describe('For the whole probe, in ms.');

/** The attempt timeout of every worker with a `timeoutSchema`: its maximum and time to answer. */
export const attemptTimeoutMs = 35_000;

/** CA certificates to trust instead of the system's. */
export const caSchema = z
  .string()
  .max(65_536)
  .describe('Trusted CA certificates, PEM, instead of the usual ones.');
