import type { Problem } from '@tenma/protocol';
import { formatDuration } from './duration.ts';

/** What LE says to a program, and what it means at a prompt. Longer addresses stand before those they begin with. */
const translations: readonly (readonly [said: RegExp, meant: string])[] = [
  [/GET \/api\/v1\/task-types\/\{type\} holds the schema/, 'tenma type get TYPE shows the schema'],
  [/GET \/api\/v1\/task-types\/([a-z0-9_-]+)/, 'tenma type get $1'],
  [/GET \/api\/v1\/task-types/, 'tenma type ls'],
  [/GET \/api\/v1\/tasks\?type=([a-z0-9_-]+)&state=([a-z,]+)/, 'tenma task ls --type $1 --state $2'],
  [/GET \/api\/v1\/tasks/, 'tenma task ls'],
  [/GET \/api\/v1\/workers/, 'tenma worker ls'],
  [/GET \/api\/v1\/pools/, 'tenma pool ls'],
  [
    /POST \/api\/v1\/releases\/([a-z0-9_-]+)\/(update|promote|rollback) \{"version": "([^"]+)"\}/,
    'tenma worker $2 $1 $3',
  ],
  [/POST \/api\/v1\/releases\/([a-z0-9_-]+)\/rollback/, 'tenma worker rollback $1'],
  [/GET \/api\/v1\/releases\/([a-z0-9_-]+)/, 'tenma worker versions $1'],
  [/GET \/api\/v1\/releases/, 'tenma worker versions'],
  [
    /PATCH \/api\/geo\/nodes\/([a-z0-9_-]+) \{"probe": \{(?:"enabled": (?:true|false))?\}\}/,
    'tenma node edit $1 --default-probe',
  ],
  [/DELETE \/api\/v1\/schedules\/([a-z0-9_-]+)/, 'tenma schedule rm $1'],
  [/DELETE \/api\/v1\/policies\/([a-z0-9_-]+)/, 'tenma policy rm $1'],
  [/DELETE \/api\/geo\/nodes\/([a-z0-9_-]+)/, 'tenma node rm $1'],
  [/GET \/api\/v1\/schedules/, 'tenma schedule ls'],
  [/GET \/api\/v1\/policies/, 'tenma policy ls'],
  [/GET \/api\/geo\/regions/, 'tenma region ls'],
  [/GET \/api\/geo\/nodes/, 'tenma node ls'],
  [/PATCH \/api\/v1\/policies\/([a-z0-9_-]+) \{"enabled": false\}/, 'tenma policy disable $1'],
  [/POST \/api\/geo\/regions/, 'tenma region add'],
  [/POST \/api\/geo\/nodes/, 'tenma node add'],
  [/PUT \/api\/geo\/active-region/, 'tenma region activate'],
  [/(?:GET )?\/readyz/, 'tenma doctor'],
  [/the fields that `errors` points at/, 'the fields named above'],
  [/`errors\[0\]\.detail`/, 'the line above'],
  [/\/openapi\.json holds the schema/, '--help after the command has what it takes'],
  [/See \/docs for the routes/, 'See whether --api, or TENMA_API_URL, is the root of an API'],
  [/`dry_run` shows/, 'tenma failover plan shows'],
  [/Read `detail`;/, 'See above;'],
  [/change the existing one with PATCH/, 'change the existing one with its edit command'],
];

/** The hint for somebody at a prompt: commands in the place of addresses, the time in the place of a header. */
export function hintAtPrompt({ hint, retry_after_ms }: Pick<Problem, 'hint' | 'retry_after_ms'>): string {
  const wait = retry_after_ms === undefined ? 'a moment' : formatDuration(retry_after_ms);
  return translations
    .reduce((text, [said, meant]) => text.replaceAll(new RegExp(said, 'g'), meant), hint)
    .replace(/for Retry-After seconds/, wait)
    .replace(/after Retry-After seconds/, `in ${wait}`);
}
