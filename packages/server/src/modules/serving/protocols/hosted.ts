import { ERRORS } from '@trestle/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { toAppError, takeRawBodies } from '../../../platform/http/index.ts'
import type { DataPlane } from '../data-plane.ts'
import type { Fleet } from '../fleet.ts'
import { isRecord } from '../named-inputs.ts'
import { parseExactJson } from './exact-json.ts'
import type { HostedSettings } from './hosted-settings.ts'
import { readBody, toInference } from './http-request.ts'
import { readScoring, splitRows } from './mlflow.ts'
import { onlyEndpoint } from './only-endpoint.ts'
import { predictionItems } from './predictions-json.ts'

type Deps = Readonly<{
  dataPlane: DataPlane
  fleet: Fleet
  maxBodyBytes: number
  hosted: HostedSettings
}>

/**
 * The contracts of Vertex AI's and Azure ML's custom containers, for the one endpoint of a container.
 * https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements,
 * https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container
 */
export function addHostedContainers(app: FastifyInstance, deps: Deps): void {
  const { fleet, hosted } = deps
  const predict = {
    config: { role: 'viewer', audit: false, isPublic: hosted.isBehindPlatform },
  } as const
  const health = async (_request: FastifyRequest, reply: FastifyReply) =>
    reply.status(fleet.pending().length === 0 ? 200 : 503).send({})

  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(sendHostedError)
    scope.post('/score', predict, (request, reply) => score(deps, request, reply))
    if (hosted.vertex === null) return
    const { healthRoute, predictRoute } = hosted.vertex
    scope.get(healthRoute, { config: { isPublic: true } }, health)
    scope.post(predictRoute, predict, (request, reply) => vertexPredict(deps, request, reply))
  })
}

/** `{"instances": […], "parameters": …}` is answered with `{"predictions": […]}`. */
async function vertexPredict(deps: Deps, request: FastifyRequest, reply: FastifyReply) {
  const { rows } = readScoring(await readBody(request, deps.maxBodyBytes), 'application/json')
  const items = await inferRows(deps, request, rows)
  return reply.type('application/json').send(`{"predictions":[${items.join(',')}]}`)
}

/** `{"input_data": {"columns", "data"}}`, `{"data": […]}` and MLflow's forms are answered with the bare list of predictions. */
async function score(deps: Deps, request: FastifyRequest, reply: FastifyReply) {
  const body = await readBody(request, deps.maxBodyBytes)
  const items = await inferRows(deps, request, azureRows(body))
  return reply.type('application/json').send(`[${items.join(',')}]`)
}

function azureRows(body: Buffer): readonly unknown[] {
  const call = parseExactJson(body)
  if (isRecord(call)) {
    const { input_data: input, data } = call
    if (isRecord(input)) return splitRows(input)
    if (Array.isArray(input)) return input
    if (Array.isArray(data)) return data
  }
  return readScoring(body, 'application/json').rows
}

async function inferRows(
  deps: Deps,
  request: FastifyRequest,
  rows: readonly unknown[]
): Promise<string[]> {
  const endpoint = onlyEndpoint(deps.fleet, request.project, '/endpoints/<name>/predict')
  const answer = await deps.dataPlane.infer(
    toInference(request, { endpoint, payload: { kind: 'rows', rows } })
  )
  return predictionItems(answer)
}

/** Google's and Azure's form of a failure: `{"error": {"code", "message", "status"}}`. */
async function sendHostedError(thrown: unknown, request: FastifyRequest, reply: FastifyReply) {
  const error = toAppError(thrown)
  const { status } = ERRORS[error.code]
  if (status >= 500)
    request.log.error({ err: thrown, requestId: request.id, code: error.code }, 'request failed')
  if (status === 503 || status === 429) reply.header('retry-after', '1')
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="trestle"')
  return reply
    .status(status)
    .type('application/json')
    .send({ error: { code: status, status: error.code, message: error.message } })
}
