import type { Numbers } from '../samples.ts'
import { fitBoostedTrees } from './boosted-trees.ts'

/** What a loss is learnt from: numbers as they are, categories by name. */
export type LossColumn = Numbers | readonly (string | null)[]

export type LossEstimator = {
  /** The loss to be expected of each row: never below 0. */
  estimate(columns: readonly LossColumn[]): Float64Array
}

/**
 * Direct loss estimation (DLE, NannyML): learns on labelled rows how large the loss of a prediction is, given inputs and prediction, and so tells it
 * where no labels are yet. Categories are put in the order of their mean loss; one that was never seen counts as missing.
 */
export function fitLossEstimator(columns: readonly LossColumn[], losses: Numbers): LossEstimator {
  const orders = columns.map((column) => (isNames(column) ? orderOf(column, losses) : null))
  const encode = (given: readonly LossColumn[]): Numbers[] =>
    given.map((column, i) => {
      const order = orders[i]
      if (order === null || order === undefined) return isNames(column) ? missing(column) : column
      return Float64Array.from(
        column as ArrayLike<unknown>,
        (name) => order.get(String(name)) ?? NaN
      )
    })
  const model = fitBoostedTrees(encode(columns), losses)
  return {
    estimate: (given) => model.predict(encode(given)).map((loss) => Math.max(0, loss)),
  }
}

function orderOf(names: readonly (string | null)[], losses: Numbers): Map<string, number> {
  const sums = new Map<string, { sum: number; n: number }>()
  for (const [i, name] of names.entries()) {
    if (name === null) continue
    const known = sums.get(name) ?? { sum: 0, n: 0 }
    known.sum += losses[i]!
    known.n++
    sums.set(name, known)
  }
  const ordered = [...sums].sort(([, a], [, b]) => a.sum / a.n - b.sum / b.n)
  return new Map(ordered.map(([name], rank) => [name, rank]))
}

const missing = (column: readonly unknown[]): Float64Array =>
  new Float64Array(column.length).fill(NaN)

const isNames = (column: LossColumn): column is readonly (string | null)[] =>
  Array.isArray(column) && column.some((value) => typeof value === 'string')
