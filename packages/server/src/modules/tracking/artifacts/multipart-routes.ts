import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { parseFields } from '../mlflow/fields.ts'
import { speakMlflow } from '../mlflow/scope.ts'
import { joinPath } from './artifact-path.ts'
import { acceptAnyBody, bodyOf } from './artifact-routes.ts'
import type { MultipartUploads } from './multipart-uploads.ts'

const folder = z.object({ '*': z.string().default('') })
const number = z.coerce.number().int()
const created = z.object({ path: z.string().min(1), num_parts: number })
const named = z.object({ path: z.string(), upload_id: z.string() })
const completed = named.extend({
  parts: z.array(z.object({ part_number: number, etag: z.string() })),
})
const part = z.object({ upload_id: z.string(), part_number: number })

/** Multipart uploads through the proxy, as `MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD` clients make them. */
export function addMultipartRoutes(app: FastifyInstance, uploads: MultipartUploads): void {
  const root = '/api/2.0/mlflow-artifacts'

  void app.register(async (scope) => {
    speakMlflow(scope)
    const config = { config: { audit: false as const } }
    const create = async (request: FastifyRequest) => {
      const f = parseFields(created, request.body)
      const path = joinPath(folderOf(request), f.path.split(/[\\/]/).at(-1) ?? '')
      const { uploadId } = await uploads.create({
        project: request.project,
        path,
        parts: f.num_parts,
      })
      const base = `${request.protocol}://${request.host}${root}/parts/${uploadId}`
      const credentials = Array.from({ length: f.num_parts }, (_value, i) => ({
        url: `${base}/${i + 1}`,
        part_number: i + 1,
        headers: {},
      }))
      return { upload_id: uploadId, credentials }
    }
    const complete = async (request: FastifyRequest) => {
      const f = parseFields(completed, request.body)
      const parts = f.parts.map((p) => ({ number: p.part_number, etag: p.etag }))
      await uploads.complete({ project: request.project, uploadId: f.upload_id, parts })
      return {}
    }
    const abort = async (request: FastifyRequest) => {
      const f = parseFields(named, request.body)
      await uploads.abort(request.project, f.upload_id)
      return {}
    }
    for (const tail of ['', '/*']) {
      scope.post(`${root}/mpu/create${tail}`, config, create)
      scope.post(`${root}/mpu/complete${tail}`, config, complete)
      scope.post(`${root}/mpu/abort${tail}`, config, abort)
    }
  })

  void app.register(async (scope) => {
    speakMlflow(scope)
    acceptAnyBody(scope)
    // The client sends parts without its key, as to S3: knowing the upload's random id is the permission.
    const config = { config: { isPublic: true, role: 'viewer' as const, audit: false as const } }
    scope.put(`${root}/parts/:upload_id/:part_number`, config, async (request, reply) => {
      const f = parseFields(part, request.params)
      const etag = await uploads.putPart({
        uploadId: f.upload_id,
        number: f.part_number,
        bytes: bodyOf(request),
      })
      return reply.header('etag', `"${etag}"`).send({})
    })
  })
}

const folderOf = (request: FastifyRequest): string => parseFields(folder, request.params)['*']
