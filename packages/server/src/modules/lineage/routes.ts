import { availableParallelism, cpus } from 'node:os'
import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { fail } from '../../platform/errors.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import type { ModelVersionRecord, Registry } from '../registry/index.ts'
import { toHtml, toMarkdown, type Document } from './card/document.ts'
import { modelCard } from './card/model-card.ts'
import { compareVersions } from './compare/compare-versions.ts'
import type { LineageSource } from './graph/lineage-source.ts'
import { walkLineage } from './graph/walk.ts'

const cardPath = z.object({
  name: z.string().min(1),
  version: z.coerce.number().int().positive(),
  format: z.enum(['md', 'html']),
})

export function addLineageRoutes(
  app: FastifyInstance,
  deps: { registry: Registry; sources: readonly LineageSource[] }
): void {
  const { registry, sources } = deps
  /** Two measurements at once would slow each other. */
  let measuring: Promise<unknown> = Promise.resolve()

  const cardOf = async (
    project: string,
    at: { name: string; version: number }
  ): Promise<Document> => {
    const version = await registry.resolve(project, `${at.name}/${at.version}`)
    const ref = { kind: 'model-version', id: `${at.name}/${at.version}` } as const
    const graph = await walkLineage(
      sources,
      { project, ref },
      { direction: 'downstream', depth: 2, limit: 200 }
    )
    return modelCard(
      await registry.describe(version),
      graph ?? { root: ref, nodes: [], edges: [], isTruncated: false }
    )
  }

  const measureBoth = async (left: ModelVersionRecord, right: ModelVersionRecord) => {
    const work = measuring.then(async () => ({
      left: await registry.measure(left),
      right: await registry.measure(right),
    }))
    measuring = work.catch(() => undefined)
    const result = await work
    const reasons = (['left', 'right'] as const).flatMap((side) => {
      const one = result[side]
      return one.latency === null ? [`${side}: ${one.reason}`] : []
    })
    const machine = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores`
    return {
      left: result.left.latency,
      right: result.right.latency,
      note: reasons.length > 0 ? reasons.join('; ') : `One row at a time on ${machine}`,
    }
  }

  bindRoutes(
    app,
    { name: 'lineage', routes: api.lineage },
    {
      getLineage: async ({ kind, id, ...options }, { project }) => {
        const graph = await walkLineage(sources, { project, ref: { kind, id } }, options)
        if (graph === null)
          throw fail('resource.not_found', `There is no ${kind} "${id}"`, {
            details: { kind, id },
          })
        return graph
      },
      getCard: async (at, { project }) => {
        const card = await cardOf(project, at)
        return { markdown: toMarkdown(card), html: toHtml(card) }
      },
      compareVersions: async ({ left, right, latency }, { project }) => {
        const [a, b] = [
          await registry.resolve(project, left),
          await registry.resolve(project, right),
        ]
        return {
          ...compareVersions({
            left: await registry.describe(a),
            right: await registry.describe(b),
          }),
          latency: latency
            ? await measureBoth(a, b)
            : { left: null, right: null, note: 'Not measured: ask with latency=true' },
        }
      },
    }
  )
  // The card alone, for browsers and `curl`: `/api/models/fraud/versions/3/card.html`.
  app.get('/api/models/:name/versions/:version/card.:format', async (request, reply) => {
    const parsed = cardPath.safeParse(request.params)
    if (!parsed.success) throw fail('request.not_found', 'A card is card.md or card.html')
    const card = await cardOf(request.project, parsed.data)
    if (parsed.data.format === 'md')
      return reply.type('text/markdown; charset=utf-8').send(toMarkdown(card))
    return reply
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .type('text/html; charset=utf-8')
      .send(toHtml(card))
  })
}
