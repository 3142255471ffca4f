import type { FastifyInstance } from 'fastify'
import { fail } from '../../../platform/errors.ts'
import type { DataPlane, InferenceAnswer } from '../data-plane.ts'
import { isRecord } from '../named-inputs.ts'
import { elementAt, rowsOf, type Tensor } from '../tensor.ts'
import { parseExactJson, writeElementJson } from './exact-json.ts'
import { readBody, takeRawBodies, toInference } from './http-request.ts'

/** Trestle's own prediction route: named values in, named values out. */
export function addPlainJson(
  app: FastifyInstance,
  deps: { dataPlane: DataPlane; maxBodyBytes: number }
): void {
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.post<{ Params: { endpoint: string } }>(
      '/endpoints/:endpoint/predict',
      { config: { role: 'viewer', audit: false } },
      async (request, reply) => {
        const body = parseExactJson(await readBody(request, deps.maxBodyBytes))
        const { rows, isList } = rowsOfBody(body)
        const answer = await deps.dataPlane.infer(
          toInference(request, {
            endpoint: request.params.endpoint,
            payload: { kind: 'rows', rows },
          })
        )
        reply.header('content-type', 'application/json; charset=utf-8')
        reply.header('x-trestle-prediction-id', answer.predictionId)
        reply.header('x-trestle-variant', answer.variant)
        return reply.send(writeAnswer(answer, isList))
      }
    )
  })
}

/** `{"instances": [row, …]}` is a list of rows; any other object is one row. */
export function rowsOfBody(body: unknown): { rows: readonly unknown[]; isList: boolean } {
  if (!isRecord(body))
    throw fail(
      'request.invalid',
      'Send one row as an object, such as {"amount": 12.5}, or several as {"instances": [{…}, {…}]}'
    )
  const { instances } = body
  if (!Array.isArray(instances)) return { rows: [body], isList: false }
  return { rows: instances, isList: true }
}

/** The body of an answer, written by hand: it is most of what a small prediction costs. */
export function writeAnswer(answer: InferenceAnswer, isList: boolean): string {
  const { predictionId, variant, model } = answer
  const head = `{"predictionId":"${predictionId}","variant":${JSON.stringify(variant)},"model":{"name":${JSON.stringify(model.name)},"version":${model.version}}`
  if (!isList) return `${head},"outputs":${rowJson(answer, 0)}}`
  let items = ''
  for (let row = 0; row < answer.rows; row++) {
    const id = answer.rows === 1 ? predictionId : `${predictionId}.${row}`
    items += `${row === 0 ? '' : ','}{"predictionId":"${id}","outputs":${rowJson(answer, row)}}`
  }
  return `${head},"predictions":[${items}]}`
}

/** Row `row` of every output by name. An output whose first axis is not the rows is given whole. */
export function rowJson(
  { outputs, rows }: Pick<InferenceAnswer, 'outputs' | 'rows'>,
  row: number
): string {
  let text = '{'
  for (const [i, output] of outputs.entries()) {
    if (i > 0) text += ','
    text += `${JSON.stringify(output.name)}:`
    text +=
      output.shape.length > 0 && rowsOf(output) === rows
        ? valueJson(output, { axis: 1, from: (row * output.data.length) / Math.max(1, rows) })
        : valueJson(output, { axis: 0, from: 0 })
  }
  return `${text}}`
}

/** Nested lists from `axis` on; the last axis of length 1 is left away behind the rows, so that a column is a bare value. */
export function valueJson(tensor: Tensor, at: { axis: number; from: number }): string {
  const inner = tensor.shape.slice(at.axis)
  if (inner.length === 0 || (at.axis > 0 && inner.length === 1 && inner[0] === 1))
    return tensor.data.length === 0 ? 'null' : writeElementJson(elementAt(tensor, at.from))
  const [length = 0] = inner
  const step = inner.slice(1).reduce((product, dim) => product * dim, 1)
  let text = '['
  for (let i = 0; i < length; i++) {
    if (i > 0) text += ','
    text +=
      inner.length === 1
        ? writeElementJson(elementAt(tensor, at.from + i))
        : nestedJson(tensor, { axis: at.axis + 1, from: at.from + i * step })
  }
  return `${text}]`
}

function nestedJson(tensor: Tensor, at: { axis: number; from: number }): string {
  const inner = tensor.shape.slice(at.axis)
  const [length = 0] = inner
  const step = inner.slice(1).reduce((product, dim) => product * dim, 1)
  let text = '['
  for (let i = 0; i < length; i++) {
    if (i > 0) text += ','
    text +=
      inner.length === 1
        ? writeElementJson(elementAt(tensor, at.from + i))
        : nestedJson(tensor, { axis: at.axis + 1, from: at.from + i * step })
  }
  return `${text}]`
}
