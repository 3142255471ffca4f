import type { FastifyInstance, FastifyRequest } from 'fastify'
import { fail } from '../../../../platform/errors.ts'
import {
  addDirectRoute,
  takeRawBodies,
  type DirectAnswer,
  type DirectRequest,
} from '../../../../platform/http/index.ts'
import type { DataPlane } from '../../data-plane.ts'
import type { EndpointControl } from '../../endpoint-control.ts'
import type { Fleet, LiveVariant } from '../../fleet.ts'
import { isRecord } from '../../named-inputs.ts'
import { parseExactJson } from '../exact-json.ts'
import { cacheHeader, pack, readBody, toInference } from '../http-request.ts'
import { refuseAsOip, sendOipError } from './errors.ts'
import { generate, type GenerateDeps } from './generate.ts'
import { readInferCall, writeInferAnswer, type InferCall } from './infer-codec.ts'
import {
  findModel,
  findServed,
  findVersion,
  isVersionReady,
  modelConfiguration,
  modelMetadata,
  modelStatistics,
  repositoryIndex,
} from './model-info.ts'
import { readRawTensor } from './raw-tensor.ts'
import { loadModel, loadParameters, unloadModel } from './repository.ts'

export const OIP_EXTENSIONS = [
  'binary_tensor_data',
  'model_configuration',
  'statistics',
  'schedule_policy',
  'model_repository',
  'model_repository(unload_dependents)',
  'classification',
  'parameters',
] as const

type Params = { Params: { model: string; version?: string } }

/**
 * Open Inference Protocol, version 2, over REST, as Triton speaks it (its clients are written against its behaviour). A model is an endpoint, a
 * version is a model version or a variant's name.
 * https://github.com/kserve/open-inference-protocol, https://github.com/triton-inference-server/server/tree/main/docs/protocol
 */
export function addOipRest(
  app: FastifyInstance,
  deps: GenerateDeps & { control: EndpointControl; maxBatchRows: number; version: string }
): void {
  const { fleet } = deps
  for (const url of ['/v2/models/:model/infer', '/v2/models/:model/versions/:version/infer'])
    addDirectRoute(app, { url, refuse: refuseAsOip, answer: (request) => infer(deps, request) })
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(sendOipError)
    const open = { config: { isPublic: true } }
    const read = { config: { role: 'viewer', audit: false } } as const

    // Triton says nothing but the status here; KServe's client reads these words.
    scope.get('/v2/health/live', open, async () => ({ live: true }))
    scope.get('/v2/health/ready', open, async (_request, reply) => {
      const isReady = fleet.pending().length === 0
      if (!isReady) reply.header('retry-after', '1')
      return reply.status(isReady ? 200 : 503).send({ ready: isReady })
    })
    const server = async () => ({
      name: 'trestle',
      version: deps.version,
      extensions: OIP_EXTENSIONS,
    })
    scope.get('/v2', read, server)
    scope.get('/v2/', read, server)
    scope.get('/v2/models', read, async ({ project }) => ({
      models: fleet.list(project).map(({ stored }) => stored.name),
    }))

    const statistics = async ({ project, params }: FastifyRequest<Params>) => {
      const endpoints =
        (params.model as string | undefined) === undefined
          ? fleet.list(project)
          : [findModel(fleet, project, params.model)]
      return {
        model_stats: endpoints.flatMap((endpoint) =>
          (params.version === undefined
            ? [...endpoint.variants.values()]
            : [findVersion(endpoint, params.version)]
          ).map((variant) => modelStatistics(endpoint, variant))
        ),
      }
    }
    scope.get<Params>('/v2/models/stats', read, statistics)

    for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
      scope.get<Params>(path, read, async ({ project, params }) => {
        const endpoint = findModel(fleet, project, params.model)
        return modelMetadata(endpoint, await findServed(fleet, endpoint, params.version ?? null))
      })
      scope.get<Params>(`${path}/ready`, read, async ({ project, params }) => {
        requireReady(findVersion(findModel(fleet, project, params.model), params.version ?? null))
        return { name: params.model, ready: true }
      })
      scope.get<Params>(`${path}/config`, read, async ({ project, params }) => {
        const endpoint = findModel(fleet, project, params.model)
        const served = await findServed(fleet, endpoint, params.version ?? null)
        return modelConfiguration(endpoint, served, deps.maxBatchRows)
      })
      scope.get<Params>(`${path}/stats`, read, statistics)
      for (const verb of ['generate', 'generate_stream'])
        scope.post<Params>(`${path}/${verb}`, read, (request, reply) =>
          generate(deps, { request, reply, isStream: verb === 'generate_stream' })
        )
    }

    scope.post('/v2/repository/index', read, async (request) => {
      const body = readOptionalJson(await readBody(request, deps.maxBodyBytes))
      return repositoryIndex(fleet.list(request.project), isRecord(body) && body['ready'] === true)
    })
    const change = (audit: string) => ({ config: { role: 'operator', audit } }) as const
    scope.post<Params>(
      '/v2/repository/models/:model/load',
      change('serving.loadModel'),
      async (request, reply) => {
        const body = readOptionalJson(await readBody(request, deps.maxBodyBytes))
        const { model: name } = request.params
        await loadModel(deps, request.project, { name, parameters: loadParameters(body) })
        return reply.status(200).send()
      }
    )
    scope.post<Params>(
      '/v2/repository/models/:model/unload',
      change('serving.unloadModel'),
      async ({ project, params }, reply) => {
        await unloadModel(deps, project, params.model)
        return reply.status(200).send()
      }
    )
  })
}

async function infer(
  deps: { dataPlane: DataPlane; fleet: Fleet; maxBodyBytes: number },
  request: DirectRequest
): Promise<DirectAnswer> {
  const [model = '', version = null] = request.params
  findModel(deps.fleet, request.project, model) // for the protocol's own words about an unknown model
  const bytes = readBody(request, deps.maxBodyBytes)
  const read = readCall(deps.fleet, request, bytes instanceof Promise ? await bytes : bytes)
  const call = read instanceof Promise ? await read : read
  const answer = await deps.dataPlane.infer(
    toInference(request, {
      endpoint: model,
      variant: version,
      timeoutMs: call.timeoutMs,
      priority: call.priority ?? null,
      payload: { kind: 'tensors', tensors: call.inputs },
    })
  )
  const { body, headerLength } = writeInferAnswer(model, call, answer)
  const headers = {
    'x-trestle-prediction-id': answer.predictionId,
    'x-trestle-variant': answer.variant,
    ...cacheHeader(answer),
  }
  return pack(request, {
    status: 200,
    headers:
      headerLength === null
        ? { ...headers, 'content-type': 'application/json' }
        : {
            ...headers,
            'content-type': 'application/octet-stream',
            'inference-header-content-length': String(headerLength),
          },
    body,
  })
}

function readCall(
  fleet: Fleet,
  request: DirectRequest,
  body: Buffer
): InferCall | Promise<InferCall> {
  const header = request.headers['inference-header-content-length']
  if (header === undefined) return readInferCall(body, null)
  if (typeof header !== 'string' || !/^\d{1,15}$/.test(header))
    throw fail('request.invalid', 'Inference-Header-Content-Length must be a whole number')
  if (header !== '0') return readInferCall(body, Number(header))
  const [model = '', version = null] = request.params
  const endpoint = findModel(fleet, request.project, model)
  return findServed(fleet, endpoint, version).then(({ spec }) => readRawTensor(spec, body))
}

function requireReady(variant: LiveVariant): void {
  if (!isVersionReady(variant))
    throw fail('serving.not_ready', `Model version is ${variant.state}: ${variant.error ?? ''}`)
}

const readOptionalJson = (body: Buffer): unknown =>
  body.byteLength === 0 ? null : parseExactJson(body)
