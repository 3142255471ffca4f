import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { labelImportQuery, type LabelImport } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { fail } from '../../../platform/errors.ts'
import { acceptAnyBody, bodyOf } from '../../tracking/index.ts'
import { readLabelFile } from './label-file.ts'
import type { Labels } from './labels.ts'

const BAD_ROWS_TOLD = 20

/**
 * `POST /api/labels/import`: the body is a Parquet or CSV file. Each piece of it is durable before the next is read, so a file that is sent again after
 * a failure changes nothing that it said before.
 */
export function addLabelImport(
  app: FastifyInstance,
  deps: { labels: Labels; duckdb: DuckDb; temporaryDir: string }
): void {
  void app.register(async (scope) => {
    acceptAnyBody(scope)
    const config = { config: { role: 'operator' as const, audit: 'monitoring.importLabels' } }
    scope.post('/api/labels/import', config, async (request): Promise<LabelImport> => {
      const query = labelImportQuery.safeParse(request.query)
      if (!query.success) {
        const [issue] = query.error.issues
        throw fail('request.invalid', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
      }
      const by = { project: request.project, actor: request.principal.actor }
      const told: LabelImport = {
        ...{ accepted: 0, changed: 0, unchanged: 0, joined: 0, unknown: 0 },
        ...{ bad: 0, badRows: [] },
      }
      await mkdir(deps.temporaryDir, { recursive: true })
      const folder = await mkdtemp(join(deps.temporaryDir, 'labels-'))
      try {
        const path = join(folder, `labels.${query.data.format}`)
        await pipeline(bodyOf(request), createWriteStream(path))
        await readLabelFile(deps.duckdb, { ...query.data, path }, async ({ labels, bad }) => {
          told.bad += bad.length
          told.badRows.push(...bad.slice(0, BAD_ROWS_TOLD - told.badRows.length))
          if (labels.length === 0) return
          const put = await deps.labels.putAndJoin(by, labels)
          for (const key of ['accepted', 'changed', 'unchanged', 'joined', 'unknown'] as const)
            told[key] += put[key]
        })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
      return told
    })
  })
}
