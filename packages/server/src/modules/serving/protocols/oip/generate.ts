import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../../../kernel/clock.ts'
import { fail } from '../../../../platform/errors.ts'
import type { DataPlane } from '../../data-plane.ts'
import type { InferenceAnswer } from '../../inference-request.ts'
import type { Fleet } from '../../fleet.ts'
import type { LlmGateway } from '../../llm/gateway.ts'
import { isRecord } from '../../named-inputs.ts'
import type { ModelSpec } from '../../runtime.ts'
import { parseExactJson } from '../exact-json.ts'
import { readBody, toInference } from '../http-request.ts'
import { createHttpSink } from '../llm-http.ts'
import { isLlm } from '../openai/models.ts'
import { valueJson } from '../row-json.ts'
import { generateText, readGeneration } from './generate-llm.ts'
import { findModel, findServed } from './model-info.ts'

export type GenerateDeps = Readonly<{
  dataPlane: DataPlane
  fleet: Fleet
  gateway: LlmGateway
  clock: Clock
  maxBodyBytes: number
}>

type Params = { Params: { model: string; version?: string } }

/**
 * Triton's generate extension: one JSON object in, one out, or a stream of them as server-sent events. An LLM takes `text_input` and settings and gives
 * `text_output`; any other model takes its inputs by name and gives its outputs by name.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_generate.md
 */
export async function generate(
  deps: GenerateDeps,
  {
    request,
    reply,
    isStream,
  }: { request: FastifyRequest<Params>; reply: FastifyReply; isStream: boolean }
): Promise<FastifyReply> {
  const { model, version = null } = request.params
  const endpoint = findModel(deps.fleet, request.project, model)
  const body = parseExactJson(await readBody(request, deps.maxBodyBytes))
  if (!isRecord(body)) throw fail('request.invalid', 'the request must be an object')
  const { id } = body
  if (id !== undefined && typeof id !== 'string')
    throw fail('request.invalid', '"id" must be a text')
  const head = id === undefined ? '' : `"id":${JSON.stringify(id)},`
  if (isLlm(endpoint)) return generateFromLlm(deps, { request, reply, isStream, head, body })
  const { spec } = await findServed(deps.fleet, endpoint, version)
  const answer = await deps.dataPlane.infer(
    toInference(request, {
      endpoint: model,
      variant: version,
      payload: { kind: 'rows', rows: [rowOf(spec, body)] },
    })
  )
  reply.header('x-trestle-prediction-id', answer.predictionId)
  const json = `{${head}${modelJson(model, answer.model.version)}${outputsJson(answer)}}`
  return isStream
    ? reply.header('content-type', 'text/event-stream').send(`data: ${json}\n\n`)
    : reply.header('content-type', 'application/json').send(json)
}

const modelJson = (name: string, version: number | string): string =>
  `"model_name":${JSON.stringify(name)},"model_version":"${version}"`

/** A text model's only text is `text_input`, whatever it calls it. */
function rowOf(spec: ModelSpec, body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { id: _id, parameters: _parameters, text_input: text, ...row } = body
  if (text === undefined) return row
  const texts = spec.inputs.filter(({ datatype }) => datatype === 'BYTES')
  const [only] = texts
  const isNamed = spec.inputs.some(({ name }) => name === 'text_input')
  return {
    ...row,
    [isNamed || texts.length !== 1 || only === undefined ? 'text_input' : only.name]: text,
  }
}

/** Outputs by name, a single element bare; a text model's only text as `text_output` too. */
function outputsJson({ outputs }: InferenceAnswer): string {
  const texts = outputs.filter(({ datatype }) => datatype === 'BYTES')
  const [only] = texts
  const isNamed = outputs.some(({ name }) => name === 'text_output')
  const all =
    isNamed || texts.length !== 1 || only === undefined
      ? outputs
      : [...outputs, { ...only, name: 'text_output' }]
  return all
    .map((tensor) => {
      const shape = tensor.data.length === 1 && tensor.labels === undefined ? [] : tensor.shape
      return `,${JSON.stringify(tensor.name)}:${valueJson({ ...tensor, shape }, { axis: 0, from: 0 })}`
    })
    .join('')
}

async function generateFromLlm(
  deps: GenerateDeps,
  asked: {
    request: FastifyRequest<Params>
    reply: FastifyReply
    isStream: boolean
    head: string
    body: Readonly<Record<string, unknown>>
  }
): Promise<FastifyReply> {
  const { request, reply, isStream, head } = asked
  const { model, version = null } = request.params
  const { header, apiKeyId } = toInference(request, {
    endpoint: model,
    payload: { kind: 'rows', rows: [] },
  })
  const http = createHttpSink(request, reply)
  let text = ''
  const answer = { hasBegun: false }
  const send = (json: string): boolean => {
    if (!answer.hasBegun)
      http.head(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    answer.hasBegun = true
    return http.write(Buffer.from(`data: ${json}\n\n`))
  }
  const answerJson = (output: string): string =>
    `{${head}${modelJson(model, version ?? '1')},"text_output":${JSON.stringify(output)}}`
  await generateText(
    deps.gateway,
    {
      project: request.project,
      endpoint: model,
      requestId: request.id,
      at: deps.clock.now(),
      apiKeyId,
      tag: header('x-trestle-tag') ?? '',
      isStream,
      variant: header('x-trestle-variant') ?? version,
      header,
      generation: readGeneration(asked.body),
    },
    {
      text(piece) {
        if (isStream) return send(answerJson(piece))
        text += piece
        return true
      },
      error: (message) => void send(JSON.stringify({ error: message })),
      isGone: () => http.isGone,
      onGone: (listener) => http.onGone(listener),
      onDrain: (listener) => http.onDrain(listener),
    }
  )
  if (!isStream) return reply.header('content-type', 'application/json').send(answerJson(text))
  if (!answer.hasBegun) send(answerJson(''))
  http.end()
  return reply
}
