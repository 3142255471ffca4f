import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { predictionExportQuery } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { randomHexId } from '../../../kernel/ids.ts'
import { fail } from '../../../platform/errors.ts'
import type { InferenceLog } from './inference-log.ts'

/** `GET /api/predictions/export`: the log of an endpoint as one Parquet file, as it lies on the disk: masked columns stay masked. */
export function addPredictionExport(
  app: FastifyInstance,
  deps: { log: InferenceLog; temporaryDir: string }
): void {
  app.get('/api/predictions/export', async (request, reply) => {
    const query = predictionExportQuery.safeParse(request.query)
    if (!query.success) {
      const [issue] = query.error.issues
      throw fail('request.invalid', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
    }
    const { endpoint, from, to } = query.data
    await mkdir(deps.temporaryDir, { recursive: true })
    const path = join(deps.temporaryDir, `${randomHexId()}.parquet`)
    const forget = () => rm(path, { force: true })
    try {
      const filter = { project: request.project, endpoint, from, to }
      if (!(await deps.log.exportTo(path, filter)))
        throw fail('resource.not_found', `The log has no predictions of "${endpoint}" in that time`)
    } catch (error) {
      await forget()
      throw error
    }
    void reply.header('content-disposition', `attachment; filename="${endpoint}.parquet"`)
    return reply
      .type('application/vnd.apache.parquet')
      .send(createReadStream(path).once('close', () => void forget()))
  })
}
