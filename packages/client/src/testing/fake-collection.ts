import type { ServerResponse } from 'node:http';
import { type ErrorCode, type Problem, pointer, problem } from '@tenma/protocol';
import type { z } from 'zod';
import { type RecordedRequest, sendJson, sendProblem } from './replies.ts';

/** How things of one kind are made, changed and judged. */
export interface FakeKind<Item, New, Patch> {
  newSchema: z.ZodType<New>;
  patchSchema: z.ZodType<Patch>;
  idOf(item: New): string;
  make(item: New): Item;
  /** The code for an id that nothing has. */
  unknown: ErrorCode;
  /** The body that lists them. */
  envelope(items: Item[]): unknown;
  /** As the API shows it. Default: as it is kept. */
  view?(item: Item): Item;
  fits?(item: Item, query: URLSearchParams): boolean;
  /** Why one is not taken, or not removed. */
  refuseNew?(item: New): Problem | undefined;
  refuseRemoval?(item: Item): Problem | undefined;
}

/** Things with ids under one address, as LE keeps them. */
export interface FakeCollection<Item> {
  readonly all: ReadonlyMap<string, Item>;
  view(id: string): Item | undefined;
  put(id: string, item: Item): void;
  change(id: string, patch: Partial<Item>): void;
  clear(): void;
  /** Answers a request to all of them, or to one. */
  answer(
    request: RecordedRequest,
    id: string | undefined,
    query: URLSearchParams,
    response: ServerResponse,
  ): void;
}

export function createFakeCollection<Item extends object, New, Patch extends object>(
  kind: FakeKind<Item, New, Patch>,
): FakeCollection<Item> {
  const all = new Map<string, Item>();
  const show = (item: Item) => kind.view?.(item) ?? item;

  function create(body: unknown, response: ServerResponse): void {
    const parsed = parse(kind.newSchema, body);
    if (!parsed.ok) return void sendProblem(response, parsed.problem);
    const id = kind.idOf(parsed.value);
    const refusal = all.has(id) ? problem('already_exists') : kind.refuseNew?.(parsed.value);
    if (refusal !== undefined) return void sendProblem(response, refusal);
    const item = kind.make(parsed.value);
    all.set(id, item);
    sendJson(response, 201, show(item));
  }

  function patch(id: string, item: Item, body: unknown, response: ServerResponse): void {
    const parsed = parse(kind.patchSchema, body);
    if (!parsed.ok) return void sendProblem(response, parsed.problem);
    const changed = { ...item, ...parsed.value };
    all.set(id, changed);
    sendJson(response, 200, show(changed));
  }

  function remove(id: string, item: Item, response: ServerResponse): void {
    const refusal = kind.refuseRemoval?.(item);
    if (refusal !== undefined) return void sendProblem(response, refusal);
    all.delete(id);
    response.writeHead(204).end();
  }

  return {
    all,
    view(id) {
      const item = all.get(id);
      return item === undefined ? undefined : show(item);
    },
    put: (id, item) => void all.set(id, item),
    change(id, changes) {
      const item = all.get(id);
      if (item === undefined) throw new Error(`The fake has no ${id}`);
      all.set(id, { ...item, ...changes });
    },
    clear: () => all.clear(),
    answer({ method, body }, id, query, response) {
      if (id === undefined) {
        if (method === 'POST') return create(body, response);
        const fitting = [...all.values()].filter((item) => kind.fits?.(item, query) ?? true);
        const limit = Number(query.get('limit') ?? Infinity);
        return void sendJson(response, 200, kind.envelope(fitting.slice(0, limit).map(show)));
      }
      const item = all.get(id);
      if (item === undefined) sendProblem(response, problem(kind.unknown));
      else if (method === 'PATCH') patch(id, item, body, response);
      else if (method === 'DELETE') remove(id, item, response);
      else sendJson(response, 200, show(item));
    },
  };
}

/** A body, or the problem that LE finds with it. */
export function parse<Value>(
  schema: z.ZodType<Value>,
  body: unknown,
): { ok: true; value: Value } | { ok: false; problem: Problem } {
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const errors = parsed.error.issues.map(({ path, message }) => ({
    pointer: pointer(path),
    detail: message,
  }));
  return { ok: false, problem: problem('invalid_request', { errors }) };
}
