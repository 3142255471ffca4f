import type { InferenceAnswer } from '../inference-request.ts'
import { rowsOf } from '../tensor.ts'
import { rowJson, valueJson } from './row-json.ts'

/** One JSON value per row, as TensorFlow Serving's protocol and its heirs answer: bare values of a single output, objects of several. */
export function predictionItems(answer: Pick<InferenceAnswer, 'outputs' | 'rows'>): string[] {
  const [only, ...others] = answer.outputs
  const isBare = only !== undefined && others.length === 0 && rowsOf(only) === answer.rows
  return Array.from({ length: answer.rows }, (_, row) =>
    isBare
      ? valueJson(only, { axis: 1, from: (row * only.data.length) / answer.rows })
      : rowJson(answer, row)
  )
}
