import { posix } from 'node:path';
import type { Fault } from '../source-tree.ts';

/** A Markdown file. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

/** Packages and services whose README does not begin with a heading, or is missing. */
export function readmeFaults(folders: readonly string[], documents: readonly Document[]): Fault[] {
  return folders.flatMap((folder) => {
    const path = `${folder}/README.md`;
    const found = documents.find((document) => document.path === path);
    if (!found) return [{ path, what: 'is missing' }];
    return /^# \S/.test(found.text) ? [] : [{ path, line: 1, what: 'has to begin with a heading' }];
  });
}

/** What stands outside of code blocks and code spans. */
function prose(text: string): string {
  const blank = (code: string) => code.replaceAll(/[^\n]/g, ' ');
  return text.replaceAll(/^```[\s\S]*?^```/gm, blank).replaceAll(/`[^`\n]*`/g, blank);
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const withoutBlocks = text.replaceAll(/^```[\s\S]*?^```/gm, '');
  const headings = [...withoutBlocks.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/**
 * Relative links that lead nowhere.
 * @param exists whether there is a file or folder at a path from the root
 */
export function brokenLinks(documents: readonly Document[], exists: (path: string) => boolean): Fault[] {
  return documents.flatMap(({ path, text }) =>
    [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(({ 1: link = '', index }) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : posix.join(posix.dirname(path), file);
      const line = text.slice(0, index).split('\n').length;
      if (!exists(target)) return [{ path, line, what: `links to ${link}, which is not there` }];
      if (anchor === undefined) return [];
      const linked = documents.find((document) => document.path === target);
      return linked && !anchorsOf(linked.text).has(anchor)
        ? [{ path, line, what: `links to ${link}: there is no such heading` }]
        : [];
    }),
  );
}

/** Codes that are used and not in the catalogue, or in the catalogue and not in `docs/errors.md`. */
export function errorFaults(
  used: readonly { path: string; line: number; code: string }[],
  catalogue: readonly string[],
  errorsDocument: string,
): Fault[] {
  const unknown = used.filter(({ code }) => !catalogue.includes(code));
  const undocumented = catalogue.filter((code) => !errorsDocument.includes(`| \`${code}\` |`));
  return [
    ...unknown.map(({ path, line, code }) => ({
      path,
      line,
      what: `uses the error ${code}, which is not in the catalogue`,
    })),
    ...undocumented.map((code) => ({ path: 'docs/errors.md', what: `does not have ${code}` })),
  ];
}
