import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { api } from '@trestle/contract'
import { doesNotExist } from '../mlflow/mlflow-error.ts'
import { parseFields } from '../mlflow/fields.ts'
import {
  callerOf,
  mlflowRoute,
  speakMlflow,
  type Caller,
  type MlflowRoute,
} from '../mlflow/scope.ts'
import { runOf } from '../runs/run-routes.ts'
import { unlessEmpty } from '../runs/run-wire.ts'
import type { Runs } from '../runs/runs.ts'
import { joinPath, pathOfUri } from './artifact-path.ts'
import type { StoredFile } from './artifact-store.ts'
import type { Artifacts } from './artifacts.ts'
import { parseRange } from './byte-range.ts'
import { dispositionOf, mediaTypeOf } from './media-type.ts'

const PREFIXES = ['/api/2.0/mlflow-artifacts', '/ajax-api/2.0/mlflow-artifacts']
const wildcard = z.object({ '*': z.string() })
const oneFile = z.object({
  run_id: z.string().optional(),
  run_uuid: z.string().optional(),
  path: z.string().min(1),
})

/** The artifact proxy: files go through this server, streamed both ways. */
export function addArtifactProxy(
  app: FastifyInstance,
  deps: { artifacts: Artifacts; runs: Runs }
): void {
  const { artifacts, runs } = deps

  const upload = async (request: FastifyRequest, path: string): Promise<object> => {
    await artifacts.write(request.project, path, bodyOf(request))
    return {}
  }

  void app.register(async (scope) => {
    speakMlflow(scope)
    acceptAnyBody(scope)
    for (const prefix of PREFIXES) {
      scope.get(`${prefix}/artifacts`, async (request) => {
        const { path } = parseFields(z.object({ path: z.string().default('') }), request.query)
        return unlessEmpty(
          'files',
          await artifacts.list(request.project, path, path.replace(/^\/+|\/+$/g, ''))
        )
      })
      scope.get(`${prefix}/artifacts/*`, async (request, reply) => {
        const path = parseFields(wildcard, request.params)['*']
        return sendFile({ artifacts, request, reply }, await artifacts.get(request.project, path))
      })
      scope.put(`${prefix}/artifacts/*`, { config: { audit: false } }, async (request) =>
        upload(request, parseFields(wildcard, request.params)['*'])
      )
      scope.delete(
        `${prefix}/artifacts/*`,
        { config: { audit: 'mlflow.artifacts.delete' } },
        async (request) => {
          await artifacts.remove(request.project, parseFields(wildcard, request.params)['*'])
          return {}
        }
      )
    }
    for (const prefix of ['', '/ajax-api/2.0/mlflow'])
      scope.get(`${prefix}/get-artifact`, async (request, reply) => {
        const fields = parseFields(oneFile, request.query)
        const path = await pathInRun(runs, { fields, caller: callerOf(request) })
        return sendFile({ artifacts, request, reply }, await artifacts.get(request.project, path))
      })
    for (const prefix of ['/api/2.0/mlflow', '/ajax-api/2.0/mlflow'])
      scope.post(`${prefix}/upload-artifact`, { config: { audit: false } }, async (request) => {
        const fields = parseFields(oneFile, request.query)
        return upload(request, await pathInRun(runs, { fields, caller: callerOf(request) }))
      })
  })
}

/** `artifacts/list` of a run: paths are relative to the run's own root. */
export function artifactListRoute(deps: { artifacts: Artifacts; runs: Runs }): MlflowRoute {
  return mlflowRoute({
    method: 'GET',
    path: 'artifacts/list',
    fields: api.tracking.listArtifacts.query,
    handle: async (f, caller) => {
      const run = await deps.runs.get(runOf(f, caller))
      const root = pathOfUri(run.artifact_uri)
      const files =
        root === null
          ? []
          : await deps.artifacts.list(caller.project, joinPath(root, f.path ?? ''), root)
      return { root_uri: run.artifact_uri, ...unlessEmpty('files', files) }
    },
  })
}

/** Bodies of any type, JSON too, are left as the stream they come in. */
export function acceptAnyBody(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
}

/** The bytes of a request. Without a content type Fastify parses nothing, and the raw request is still there to read. */
export const bodyOf = (request: FastifyRequest): AsyncIterable<Uint8Array> => request.raw

async function pathInRun(
  runs: Runs,
  given: { fields: z.output<typeof oneFile>; caller: Caller }
): Promise<string> {
  const run = await runs.get(runOf(given.fields, given.caller))
  const root = pathOfUri(run.artifact_uri)
  if (root === null) throw doesNotExist(`The artifacts of run ${run.run_id} are not kept here`)
  return joinPath(root, given.fields.path)
}

/** Sends a file, or the part of it that was asked for. Its digest is its entity tag: equal bytes, equal tag. */
export async function sendFile(
  via: { artifacts: Artifacts; request: FastifyRequest; reply: FastifyReply },
  file: StoredFile
): Promise<FastifyReply> {
  const { artifacts, request, reply } = via
  reply
    .type(mediaTypeOf(file.path))
    .header('content-disposition', dispositionOf(file.path))
    .header('accept-ranges', 'bytes')
    .header('etag', `"${file.digest}"`)
  const range = parseRange(request.headers.range, file.size)
  switch (range.kind) {
    case 'unsatisfiable':
      return reply.status(416).header('content-range', `bytes */${file.size}`).send('')
    case 'part':
      reply
        .status(206)
        .header('content-range', `bytes ${range.start}-${range.end}/${file.size}`)
        .header('content-length', range.end - range.start + 1)
      return reply.send(await artifacts.open(file, range))
    case 'whole':
      reply.header('content-length', file.size)
      return reply.send(await artifacts.open(file))
  }
}
