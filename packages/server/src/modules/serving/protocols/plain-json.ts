import type { FastifyInstance } from 'fastify'
import { fail } from '../../../platform/errors.ts'
import { addDirectRoute, refuseWithProblem } from '../../../platform/http/index.ts'
import type { DataPlane } from '../data-plane.ts'
import type { InferenceAnswer } from '../inference-request.ts'
import { isRecord } from '../named-inputs.ts'
import { parseExactJson } from './exact-json.ts'
import { cacheHeader, readBody, toInference } from './http-request.ts'
import { rowJson } from './row-json.ts'

/** Trestle's own prediction route: named values in, named values out. */
export function addPlainJson(
  app: FastifyInstance,
  deps: { dataPlane: DataPlane; maxBodyBytes: number }
): void {
  addDirectRoute(app, {
    url: '/endpoints/:endpoint/predict',
    refuse: refuseWithProblem,
    async answer(request) {
      const [endpoint = ''] = request.params
      const bytes = readBody(request, deps.maxBodyBytes)
      const body = parseExactJson(bytes instanceof Promise ? await bytes : bytes)
      const { rows, isList } = rowsOfBody(body)
      const answer = await deps.dataPlane.infer(
        toInference(request, { endpoint, payload: { kind: 'rows', rows } })
      )
      return {
        status: 200,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'x-trestle-prediction-id': answer.predictionId,
          'x-trestle-variant': answer.variant,
          ...cacheHeader(answer),
        },
        body: writeAnswer(answer, isList),
      }
    },
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
