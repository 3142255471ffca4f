import type { DataPlane } from './data-plane.ts'
import { parseExactJson } from './protocols/exact-json.ts'
import { rowsOfBody, writeAnswer } from './protocols/plain-json.ts'

/** What the prediction route takes, from where there is no HTTP request. */
export type JsonPrediction = Readonly<{
  project: string
  endpoint: string
  requestId: string
  /** By its lower-case name; `x-trestle-sticky-key` decides the variant as online. */
  header: (name: string) => string | undefined
  /** One row as an object, or `{"instances": [row, …]}`. Null is no JSON. */
  body: Buffer | null
}>

/** What the route answers, word for word. */
export type JsonAnswer = Readonly<{ json: string; predictionId: string; variant: string }>

export async function predictJson(
  dataPlane: DataPlane,
  { body, ...request }: JsonPrediction
): Promise<JsonAnswer> {
  const { rows, isList } = rowsOfBody(parseExactJson(body ?? Buffer.alloc(0)))
  const answer = await dataPlane.infer({
    ...request,
    apiKeyId: null,
    variant: null,
    timeoutMs: null,
    isGone: () => false,
    payload: { kind: 'rows', rows },
  })
  return {
    json: writeAnswer(answer, isList),
    predictionId: answer.predictionId,
    variant: answer.variant,
  }
}
