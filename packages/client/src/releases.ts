import {
  type ReleasePromotion,
  type ReleaseRollback,
  type ReleaseUpdate,
  type ReleaseView,
  releaseViewSchema,
} from '@tenma/protocol';
import { z } from 'zod';
import { createRest } from './rest.ts';
import type { CallOptions } from './task-handle.ts';
import type { Transport } from './transport.ts';

/** What a caller says of an update: the share may be left out. */
export interface ReleaseUpdateInput extends Omit<ReleaseUpdate, 'share'> {
  /** Of the attempts that the candidate could take, 0.01 to 1. Default 0.1. */
  share?: number;
}

/**
 * Which version of a task type is trusted, and which is on trial. An update, and what names the version it is for, is
 * repeated while LE refuses; what does not is sent once, as the second could be for another version.
 */
export interface ReleaseCalls {
  list(options?: CallOptions): Promise<ReleaseView[]>;
  /** With what every WEE says of each version it has. */
  get(type: string, options?: CallOptions): Promise<ReleaseView>;
  /** Puts a version on trial beside the stable one. */
  update(type: string, update: ReleaseUpdateInput, options?: CallOptions): Promise<ReleaseView>;
  /** Makes the candidate the stable version, whatever is said of it so far. */
  promote(type: string, promotion?: ReleasePromotion, options?: CallOptions): Promise<ReleaseView>;
  /** Rejects the candidate, or goes back from the stable version. */
  rollback(type: string, rollback?: Partial<ReleaseRollback>, options?: CallOptions): Promise<ReleaseView>;
}

/** A list may leave the reports of the WEEs out. */
const releaseReader = releaseViewSchema.extend({ versions: releaseViewSchema.shape.versions.default([]) });
const listReader = z.object({ items: z.array(releaseReader) }).transform(({ items }) => items);

export function createReleaseCalls(transport: Transport): ReleaseCalls {
  const rest = createRest(transport);
  const address = (type: string) => `/api/v1/releases/${encodeURIComponent(type)}`;
  const change = (
    type: string,
    verb: string,
    body: { version?: string | undefined },
    options?: CallOptions,
  ) => {
    const repeat = body.version === undefined ? 'never' : 'refused';
    return rest.send('POST', `${address(type)}/${verb}`, body, repeat, releaseReader, options);
  };
  return {
    list: (options) => rest.get('/api/v1/releases', listReader, options),
    get: (type, options) => rest.get(address(type), releaseReader, options),
    update: (type, update, options) => change(type, 'update', update, options),
    promote: (type, promotion = {}, options) => change(type, 'promote', promotion, options),
    rollback: (type, rollback = {}, options) => change(type, 'rollback', rollback, options),
  };
}
