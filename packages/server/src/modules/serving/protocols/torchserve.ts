import { ERRORS } from '@trestle/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fail } from '../../../platform/errors.ts'
import { toAppError, takeRawBodies } from '../../../platform/http/index.ts'
import type { DataPlane } from '../data-plane.ts'
import type { Fleet, LiveEndpoint, LiveVariant } from '../fleet.ts'
import { isRecord } from '../named-inputs.ts'
import { parseExactJson } from './exact-json.ts'
import { readBody, toInference } from './http-request.ts'
import { findModel, findVersion } from './oip/model-info.ts'
import { rowJson } from './row-json.ts'

type Deps = Readonly<{
  dataPlane: DataPlane
  fleet: Fleet
  maxBodyBytes: number
  maxQueued: number
  maxBatchRows: number
}>
type Named = { Params: { model: string; version?: string } }

/**
 * TorchServe's inference API at `/predictions`, and the same with its management API (list, describe, scale) below `/torchserve`, since `/models` is a
 * page of the console. A model is an endpoint; its version a model version or a variant's name.
 * https://github.com/pytorch/serve/blob/master/docs/inference_api.md, https://github.com/pytorch/serve/blob/master/docs/management_api.md
 */
export function addTorchServe(app: FastifyInstance, deps: Deps): void {
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(sendTorchServeError)
    const read = { config: { role: 'viewer', audit: false } } as const
    for (const base of ['/predictions', '/torchserve/predictions'])
      for (const path of [`${base}/:model`, `${base}/:model/:version`])
        scope.route<Named>({
          method: ['POST', 'PUT'], // `curl -T file` puts
          url: path,
          ...read,
          handler: (request, reply) => predict(deps, request, reply),
        })
    scope.get('/torchserve/ping', { config: { isPublic: true } }, async (_request, reply) => {
      const isReady = deps.fleet.pending().length === 0
      return reply.status(isReady ? 200 : 503).send({ status: isReady ? 'Healthy' : 'Unhealthy' })
    })
    addManagement(scope, deps)
  })
}

/** A row as an object, or several as a list; TorchServe's own envelopes `{"data": …}` and `{"instances": […]}` too; as a body, a file or a form. */
async function predict(
  { dataPlane, maxBodyBytes }: Deps,
  request: FastifyRequest<Named>,
  reply: FastifyReply
): Promise<FastifyReply> {
  const { model: endpoint, version = null } = request.params
  const body = await readInput(
    await readBody(request, maxBodyBytes),
    request.headers['content-type'] ?? ''
  )
  const said = isRecord(body) ? (body['instances'] ?? body['data'] ?? body['body'] ?? body) : body
  const isList = Array.isArray(said)
  const rows: readonly unknown[] = isList ? said : [said]
  const answer = await dataPlane.infer(
    toInference(request, { endpoint, variant: version, payload: { kind: 'rows', rows } })
  )
  const items = Array.from({ length: answer.rows }, (_, row) => rowJson(answer, row))
  reply.header('content-type', 'application/json')
  reply.header('x-trestle-prediction-id', answer.predictionId)
  return reply.send(isList ? `[${items.join(',')}]` : (items[0] ?? 'null'))
}

/** JSON, or else text as it is, which a text classifier takes. A form of one field is that field. */
async function readInput(body: Buffer, contentType: string): Promise<unknown> {
  if (!contentType.startsWith('multipart/form-data'))
    return contentType.startsWith('application/json')
      ? parseExactJson(body)
      : jsonOrText(body.toString('utf8'))
  const parts = await formOf(body, contentType)
  const [only, ...others] = parts
  if (only === undefined) throw fail('request.invalid', 'The form has no fields')
  return others.length === 0 ? only[1] : Object.fromEntries(parts)
}

async function formOf(body: Buffer, contentType: string): Promise<[string, unknown][]> {
  const request = new Response(new Uint8Array(body), { headers: { 'content-type': contentType } })
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- meant for bodies of unknown size; this one is bounded and in memory already
  const form = await request.formData().catch((error: unknown) => {
    throw fail('request.malformed', 'The body is not a valid form', { cause: error })
  })
  return Promise.all(
    [...form].map(async ([name, value]): Promise<[string, unknown]> => [
      name,
      jsonOrText(typeof value === 'string' ? value : await value.text()),
    ])
  )
}

function jsonOrText(text: string): unknown {
  try {
    return parseExactJson(text)
  } catch {
    return text
  }
}

const PAGE = 100

function addManagement(scope: FastifyInstance, deps: Deps): void {
  const { fleet } = deps
  const read = { config: { role: 'viewer', audit: false } } as const
  const change = { config: { role: 'operator', audit: 'serving.scaleModel' } } as const

  scope.get<{ Querystring: Record<string, string> }>(
    '/torchserve/models',
    read,
    async ({ project, query }) => {
      const from = wholeOf(query['next_page_token'], 'next_page_token') ?? 0
      const limit = Math.min(wholeOf(query['limit'], 'limit') ?? PAGE, 1_000)
      const all = fleet.list(project)
      const models = all.slice(from, from + limit).map(({ stored }) => ({
        modelName: stored.name,
        modelUrl: modelUrlOf(stored.variants[0]),
      }))
      const isMore = from + limit < all.length
      return { ...(isMore ? { nextPageToken: String(from + limit) } : {}), models }
    }
  )
  for (const path of ['/torchserve/models/:model', '/torchserve/models/:model/:version'])
    scope.get<Named>(path, read, async ({ project, params }) => {
      const endpoint = findModel(fleet, project, params.model)
      const chosen =
        params.version === 'all'
          ? [...endpoint.variants.values()]
          : [findVersion(endpoint, params.version ?? null)]
      return chosen.map((variant) => describe(variant, deps))
    })
  scope.put<Named & { Querystring: Record<string, string> }>(
    '/torchserve/models/:model',
    change,
    async ({ project, params, query }, reply) => {
      const endpoint = findModel(fleet, project, params.model)
      const workers = wholeOf(query['min_worker'], 'min_worker') ?? 1
      const work = scale(fleet, endpoint, workers)
      if (query['synchronous'] === 'true') await work
      else work.catch(() => undefined) // the model's state says how it ended
      return reply
        .status(query['synchronous'] === 'true' ? 200 : 202)
        .send({ status: `Workers scaled to ${Math.min(workers, 1)} for model: ${params.model}` })
    }
  )
}

/** A model is in memory once, whatever number is asked for: none frees it, one or more brings it back. */
const scale = (fleet: Fleet, endpoint: LiveEndpoint, workers: number): Promise<void> =>
  workers === 0 ? fleet.unload(endpoint) : fleet.load(endpoint)

function describe(variant: LiveVariant, { maxQueued, maxBatchRows }: Deps) {
  const { served, model, addedAt } = variant
  const pending = served?.batcher.queued ?? 0
  const workers = served === null ? 0 : 1
  return {
    modelName: model.name,
    modelVersion: String(model.version),
    modelUrl: modelUrlOf(variant),
    runtime: 'onnx',
    minWorkers: workers,
    maxWorkers: 1,
    batchSize: served?.isBatchable === true ? maxBatchRows : 1,
    maxBatchDelay: 0,
    loadedAtStartup: true,
    workers:
      served === null
        ? []
        : [
            {
              id: variant.name,
              startTime: new Date(addedAt).toISOString(),
              status: 'READY',
              memoryUsage: served.bytes,
              gpu: false,
            },
          ],
    jobQueueStatus: {
      remainingCapacity: Math.max(0, maxQueued - pending),
      pendingRequests: pending,
    },
  }
}

const modelUrlOf = (variant: Pick<LiveVariant, 'model'> | undefined): string =>
  variant === undefined ? '' : `models:/${variant.model.name}/${variant.model.version}`

function wholeOf(text: string | undefined, name: string): number | null {
  if (text === undefined) return null
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw fail('request.invalid', `${name} must be a whole number`)
}

/** TorchServe's names for what went wrong. */
async function sendTorchServeError(thrown: unknown, request: FastifyRequest, reply: FastifyReply) {
  const error = toAppError(thrown)
  const { status } = ERRORS[error.code]
  if (status >= 500)
    request.log.error({ err: thrown, requestId: request.id, code: error.code }, 'request failed')
  if (status === 503 || status === 429) reply.header('retry-after', '1')
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="trestle"')
  return reply
    .status(status)
    .type('application/json')
    .send({ code: status, type: typeOf(error.code, status), message: error.message })
}

function typeOf(code: string, status: number): string {
  if (code === 'serving.endpoint_not_found') return 'ModelNotFoundException'
  if (code === 'serving.variant_not_found') return 'ModelVersionNotFoundException'
  if (status === 503) return 'ServiceUnavailableException'
  if (status === 401 || status === 403) return 'InvalidKeyException'
  return status < 500 ? 'BadRequestException' : 'InternalServerException'
}
