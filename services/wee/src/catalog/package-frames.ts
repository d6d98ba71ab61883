import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** More than this is seldom needed to find the line that throws. */
const framesAtMost = 5;
const causesAtMost = 8;

/**
 * Where in the package an error comes from: of the stacks of the error and its causes those frames that lie below
 * `folder`, innermost first. What it depends on, Node and Tenma's loader are left out.
 */
export function packageFrames(error: unknown, folder: string): string[] {
  const frames = new Set<string>();
  for (const stack of stacksOf(error)) {
    for (const line of stack.split('\n')) {
      const frame = frameIn(line);
      if (frame !== undefined && isBelow(folder, pathIn(frame))) frames.add(frame);
    }
  }
  return [...frames].slice(0, framesAtMost);
}

/** A printed error opens its further fields on the line of its last frame; one of syntax begins with its place. */
function frameIn(line: string): string | undefined {
  const found =
    /^\s+at (.+?)(?: \{)?$/.exec(line) ?? /^(?:\s*\[cause\]: )?((?:file:\/)?\/.+:\d+)$/.exec(line);
  return found?.[1];
}

/** The error that was there first comes first: the others only pass it on. */
function stacksOf(error: unknown): string[] {
  const stacks: string[] = [];
  for (let each = error; each instanceof Error && stacks.length < causesAtMost; each = each.cause) {
    stacks.unshift(each.stack ?? '');
  }
  return stacks;
}

/** `name (file:///path:1:2)`, `/path:1:2`, `async …`. */
function pathIn(frame: string): string {
  const place = /(?:file:\/\/|\/|[A-Za-z]:\\)[^()]*$/.exec(frame.replace(/\)$/, ''))?.[0] ?? '';
  const file = place.replace(/(?::\d+){1,2}$/, '');
  if (!file.startsWith('file:')) return file;
  try {
    return fileURLToPath(file);
  } catch {
    return '';
  }
}

function isBelow(folder: string, path: string): boolean {
  const inside = path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  return inside && !path.slice(folder.length).split(sep).includes('node_modules');
}
