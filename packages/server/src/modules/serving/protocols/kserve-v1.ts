import type { FastifyInstance } from 'fastify'
import { fail } from '../../../platform/errors.ts'
import { takeRawBodies } from '../../../platform/http/index.ts'
import type { DataPlane } from '../data-plane.ts'
import { explain, type ExplainDeps } from './explain.ts'
import { readBody, toInference } from './http-request.ts'
import { readScoring } from './mlflow.ts'
import { sendOipError } from './oip/errors.ts'
import { findModel, findServed } from './oip/model-info.ts'
import { isLlm, toModel } from './openai/models.ts'
import { predictionItems } from './predictions-json.ts'

/**
 * KServe's first protocol, which is TensorFlow Serving's: `{"instances": […]}` to `/v1/models/<name>:predict`. A model with one output answers with its
 * values, one with several with objects. https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
 */
export function addKserveV1(
  app: FastifyInstance,
  deps: { dataPlane: DataPlane } & ExplainDeps
): void {
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(sendOipError)
    const read = { config: { role: 'viewer', audit: false } } as const
    scope.get<{ Params: { model: string } }>('/v1/models/:model', read, async (request) => {
      const { project, params } = request
      const endpoint = findModel(deps.fleet, project, params.model)
      // OpenAI's API has this route too.
      if (isLlm(endpoint)) return { ...toModel(endpoint), name: params.model, ready: true }
      await findServed(deps.fleet, endpoint, null)
      return { name: params.model, ready: true }
    })
    scope.post<{ Params: { call: string } }>('/v1/models/:call', read, async (request, reply) => {
      const [, endpoint, verb] = /^(.+):(predict|explain)$/.exec(request.params.call) ?? []
      if (endpoint === undefined)
        throw fail(
          'request.not_found',
          `No route ${request.url}; use /v1/models/<name>:predict or :explain`
        )
      if (verb === 'explain') return explain(deps, { request, reply, endpoint })
      const body = await readBody(request, deps.maxBodyBytes)
      const { rows } = readScoring(body, 'application/json')
      const answer = await deps.dataPlane.infer(
        toInference(request, { endpoint, payload: { kind: 'rows', rows } })
      )
      reply.header('content-type', 'application/json')
      reply.header('x-trestle-prediction-id', answer.predictionId)
      return reply.send(`{"predictions":[${predictionItems(answer).join(',')}]}`)
    })
  })
}
