import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { randomHexId } from '../../kernel/ids.ts'
import { arrowBytes } from '../../platform/arrow/index.ts'
import type { BlobStore } from '../../platform/blobs/index.ts'
import { quoteText } from '../../platform/database/index.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { fail } from '../../platform/errors.ts'
import type { FeatureStore } from './feature-store.ts'

const asked = z.object({
  digest: z.string(),
  format: z.enum(['parquet', 'arrow'], { error: 'format is parquet or arrow' }).default('parquet'),
})

/** A training set's rows, streamed: the Parquet file that its digest names, or the same rows as an Arrow IPC file. */
export function addTrainingFileRoute(
  app: FastifyInstance,
  deps: { store: FeatureStore; blobs: BlobStore; duckdb: DuckDb; temporaryDir: string }
): void {
  const { store, blobs, duckdb } = deps
  app.get(`${api.features.listTrainingSets.path}/:digest/file`, async (request, reply) => {
    const parsed = asked.safeParse({ ...(request.params as object), ...(request.query as object) }) // objects, by the route
    if (!parsed.success)
      throw fail('request.invalid', parsed.error.issues[0]?.message ?? 'not valid')
    const { digest, format } = parsed.data
    const set = (await store.trainingSets(request.project)).find((s) => s.digest === digest)
    const file = set === undefined ? null : await blobs.open(digest)
    const path = file === null || format === 'parquet' ? null : await blobs.localPath(digest)
    if (set === undefined || file === null)
      throw fail('resource.not_found', `There is no training set ${digest}`, {
        details: { digest },
      })
    const name = `${set.name}.${format}`
    void reply.header('content-disposition', `attachment; filename="${name}"`)
    if (path === null) return reply.type('application/vnd.apache.parquet').send(file.stream)
    file.stream.destroy()
    return reply
      .type('application/vnd.apache.arrow.file')
      .send(await asArrow(path, join(deps.temporaryDir, `${randomHexId()}.arrow`)))
  })

  const asArrow = async (parquet: string, path: string): Promise<Readable> => {
    await mkdir(deps.temporaryDir, { recursive: true })
    try {
      await duckdb.use((connection) =>
        pipeline(
          arrowBytes(connection, `SELECT * FROM read_parquet(${quoteText(parquet)})`, 'file'),
          createWriteStream(path)
        )
      )
      return createReadStream(path).once('close', () => void rm(path, { force: true }))
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
  }
}
