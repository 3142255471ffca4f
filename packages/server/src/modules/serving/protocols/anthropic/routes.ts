import { takeRawBodies } from '../../../../platform/http/index.ts'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../../../kernel/clock.ts'
import { UpstreamRefusal } from '../../llm/complete-call.ts'
import type { LlmGateway } from '../../llm/gateway.ts'
import { createHttpSink, readLlmCall } from '../llm-http.ts'
import { anthropicErrorEvent, refusalBody, toAnthropicError } from './errors.ts'

/** Anthropic's messages API over LLM endpoints: the `model` of a request is an endpoint. */
export function addAnthropic(
  app: FastifyInstance,
  deps: { gateway: LlmGateway; clock: Clock; maxBodyBytes: number }
): void {
  const dialect = { errorEvent: anthropicErrorEvent }
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(async (thrown, request, reply) => {
      if (thrown instanceof UpstreamRefusal) {
        const { status, body } = thrown
        const isOwn = body.includes('"type":"error"') || body.includes('"type": "error"')
        return reply
          .status(status)
          .header('request-id', request.id)
          .type('application/json')
          .send(isOwn ? body : refusalBody(status, thrown.message, request.id))
      }
      const { status, headers, body } = toAnthropicError(thrown, request.id)
      if (status >= 500)
        request.log.error({ err: thrown, requestId: request.id }, 'an LLM call failed')
      return reply.status(status).headers(headers).send(body)
    })
    for (const base of ['/v1', '/anthropic/v1'])
      scope.post(
        `${base}/messages`,
        { config: { role: 'viewer', audit: false } },
        async (request, reply) => {
          const call = await readLlmCall(request, {
            operation: 'messages',
            wire: 'anthropic',
            maxBodyBytes: deps.maxBodyBytes,
            at: deps.clock.now(),
          })
          await deps.gateway.answer(call, createHttpSink(request, reply), dialect)
          return reply
        }
      )
  })
}
