import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { latencyMatrix, replicationGroup } from '@tenma/geo';
import {
  type LatencyMatrix,
  latencyLayerSchema,
  latencyMatrixSchema,
  replicationGroupSchema,
} from '@tenma/protocol';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { unknownRegion } from '../../geo/known-regions.ts';
import { latencySight, regionsInOrder, regionVerdict } from '../../geo/view.ts';
import type { RouteComponents } from '../components.ts';
import type { App } from '../server.ts';
import { ProblemError } from '../problem-reply.ts';
import { onceRead, problems, refused } from '../registry-answers.ts';

const tags = ['geo'];
/** Of more regions, cells are shown of chosen rows only: each is ten times the size of its number. */
const cellsMax = 100;

const matrixQuerySchema = z.strictObject({
  layer: latencyLayerSchema.default('effective'),
  from: z.string().optional().describe('Only the rows of these regions, comma-separated.'),
  cells: z
    .enum(['true', 'false'])
    .optional()
    .describe(`Whether \`cells\` is filled. Default: up to ${cellsMax} regions, and with \`from\`.`),
});

/** Round trips between regions, and who is near to whom. */
export function geoLatencyRoutes(app: App, components: RouteComponents): void {
  const { documents, settings, clock } = components;
  const onRequest = onceRead(components);

  app.get(
    '/api/geo/latency-matrix',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Round trips between regions in ms, with where each number comes from',
        querystring: matrixQuerySchema,
        response: { 200: latencyMatrixSchema, ...problems },
      },
    },
    async (request, reply) => {
      const from = rowsOf(components, request.query.from);
      const cells = showsCells(components, request.query);
      const sight = latencySight(documents, clock.now());
      const left = leaving(reply);
      try {
        const options = { cells, signal: left, breathe: turn, ...(from === undefined ? {} : { from }) };
        const matrix = await latencyMatrix(request.query.layer, sight, options);
        return reply.type('application/json; charset=utf-8').send(inRows(matrix) as never);
      } catch (error) {
        if (!left.aborted) throw error;
        return reply.hijack();
      }
    },
  );

  app.get(
    '/api/geo/replication-group/:region_id',
    {
      onRequest,
      schema: {
        tags,
        summary: 'The regions nearest to one, among those that are up',
        params: z.object({ region_id: z.string() }),
        querystring: z.strictObject({ size: z.coerce.number().int().min(1).max(100).optional() }),
        response: { 200: replicationGroupSchema, ...problems },
      },
    },
    async ({ params: { region_id: id }, query: { size = settings.replicationGroupSize } }) => {
      if (!documents.get('region', id)) throw refused(unknownRegion(documents, id));
      const up = regionsInOrder(documents)
        .filter((region) => ['online', 'degraded'].includes(regionVerdict(documents, region).status))
        .map(({ region_id }) => region_id);
      return replicationGroup(id, up, size, latencySight(documents, clock.now()));
    },
  );
}

type MatrixQuery = z.infer<typeof matrixQuerySchema>;

function rowsOf({ documents }: RouteComponents, from: string | undefined): string[] | undefined {
  if (from === undefined) return undefined;
  const ids = new Set(from.split(',').map((id) => id.trim()));
  for (const id of ids) if (!documents.get('region', id)) throw refused(unknownRegion(documents, id));
  return [...ids];
}

function showsCells({ documents }: RouteComponents, { cells, from }: MatrixQuery): boolean {
  const fits = from !== undefined || documents.all('region').size <= cellsMax;
  if (cells !== 'true') return cells === undefined && fits;
  if (fits) return true;
  const detail = `of more than ${cellsMax} regions cells are shown with \`from\` only`;
  throw new ProblemError('invalid_request', { errors: [{ pointer: '#/cells', detail }] });
}

/** Aborted when the connection is closed: nobody waits for the answer any more. */
function leaving(reply: FastifyReply): AbortSignal {
  const left = new AbortController();
  reply.raw.once('close', () => left.abort());
  return left.signal;
}

/** The matrix as JSON text row by row: a thousand rows at once would hold everybody else up. */
function inRows({ layer, matrix, cells }: LatencyMatrix): Readable {
  async function* parts() {
    yield `{"layer":${JSON.stringify(layer)}`;
    for (const [name, rows] of Object.entries({ matrix, cells })) {
      let opening = `,${JSON.stringify(name)}:{`;
      for (const [from, row] of Object.entries(rows)) {
        yield `${opening}${JSON.stringify(from)}:${JSON.stringify(row)}`;
        opening = ',';
        await turn();
      }
      yield opening === ',' ? '}' : `${opening}}`;
    }
    yield '}';
  }
  return Readable.from(parts());
}
