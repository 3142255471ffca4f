import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../../../kernel/clock.ts'
import { fail } from '../../../../platform/errors.ts'
import { takeRawBodies } from '../../../../platform/http/index.ts'
import type { Fleet } from '../../fleet.ts'
import { UpstreamRefusal } from '../../llm/complete-call.ts'
import type { LlmGateway } from '../../llm/gateway.ts'
import type { LlmOperation } from '../../llm/llm-call.ts'
import { createHttpSink, readLlmCall } from '../llm-http.ts'
import { openAiErrorEvent, toOpenAiError } from './errors.ts'
import { isLlm, toModel } from './models.ts'

const OPERATIONS: readonly (readonly [path: string, operation: LlmOperation])[] = [
  ['/chat/completions', 'chat'],
  ['/completions', 'completions'],
  ['/embeddings', 'embeddings'],
  ['/responses', 'responses'],
  ['/rerank', 'rerank'],
]
/** Where OpenAI's clients look, by the base address that they are given. */
const BASES = ['/v1', '/openai/v1'] as const

/** OpenAI's API over LLM endpoints: the `model` of a request is an endpoint. */
export function addOpenAi(
  app: FastifyInstance,
  deps: { gateway: LlmGateway; fleet: Fleet; clock: Clock; maxBodyBytes: number }
): void {
  const dialect = { errorEvent: openAiErrorEvent }
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(async (thrown, request, reply) => {
      if (thrown instanceof UpstreamRefusal && isJson(thrown.contentType))
        return reply.status(thrown.status).type(thrown.contentType).send(thrown.body)
      const { status, headers, body } = toOpenAiError(thrown)
      if (status >= 500)
        request.log.error({ err: thrown, requestId: request.id }, 'an LLM call failed')
      return reply.status(status).headers(headers).send(body)
    })
    const config = { role: 'viewer', audit: false } as const
    for (const base of BASES) {
      for (const [path, operation] of OPERATIONS)
        scope.post(`${base}${path}`, { config }, async (request, reply) => {
          const call = await readLlmCall(request, {
            operation,
            wire: 'openai',
            maxBodyBytes: deps.maxBodyBytes,
            at: deps.clock.now(),
          })
          await deps.gateway.answer(call, createHttpSink(request, reply), dialect)
          return reply
        })
      scope.get(`${base}/models`, { config }, async (request) => ({
        object: 'list',
        data: deps.fleet.list(request.project).filter(isLlm).map(toModel),
      }))
    }
    // At /v1 KServe's protocol has the same route, and answers both.
    scope.get<{ Params: { model: string } }>(
      '/openai/v1/models/:model',
      { config },
      async (request) => {
        const { model } = request.params
        const endpoint = deps.fleet.find(request.project, model)
        if (endpoint === undefined || !isLlm(endpoint))
          throw fail('serving.endpoint_not_found', `The model "${model}" does not exist`)
        return toModel(endpoint)
      }
    )
  })
}

const isJson = (contentType: string): boolean => contentType.includes('json')
