import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type Problem, problemContentType } from '@tenma/protocol';

export interface RecordedRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingMessage['headers'];
  /** The parsed JSON body, unpacked. */
  body: unknown;
}

/** Sends JSON as LE does. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  return true;
}

export function sendProblem(
  response: ServerResponse,
  body: Problem,
  headers: Record<string, string> = {},
): true {
  return sendJson(response, body.status, body, { 'content-type': problemContentType, ...headers });
}

export async function readRequest(incoming: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { method = '', url: path = '', headers } = incoming;
  const sent = Buffer.concat(chunks);
  const text = String(headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent);
  return { method, path, headers, body: text === '' ? undefined : JSON.parse(text) };
}
