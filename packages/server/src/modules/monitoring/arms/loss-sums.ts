import type { Judged } from '../outcome.ts'

/** Sums over labelled predictions that can be added, merged and taken back (a label may be corrected). */
export type LossSums = {
  n: number
  /** Of those, predictions that can be judged as numbers. */
  numeric: number
  error: number
  errorSquares: number
  logLossN: number
  logLoss: number
  logLossSquares: number
  absoluteError: number
  squaredError: number
  squaredErrorSquares: number
}

export const emptyLossSums = (): LossSums => ({
  n: 0,
  numeric: 0,
  error: 0,
  errorSquares: 0,
  logLossN: 0,
  logLoss: 0,
  logLossSquares: 0,
  absoluteError: 0,
  squaredError: 0,
  squaredErrorSquares: 0,
})

/** Adds one judged prediction, or takes it back with `sign` -1. */
export function addJudged(sums: LossSums, judged: Omit<Judged, 'predicted'>, sign: 1 | -1): void {
  sums.n += sign
  sums.error += sign * judged.error
  sums.errorSquares += sign * judged.error ** 2
  if (judged.logLoss !== null) {
    sums.logLossN += sign
    sums.logLoss += sign * judged.logLoss
    sums.logLossSquares += sign * judged.logLoss ** 2
  }
  if (judged.squaredError !== null) {
    sums.numeric += sign
    sums.absoluteError += sign * Math.sqrt(judged.squaredError)
    sums.squaredError += sign * judged.squaredError
    sums.squaredErrorSquares += sign * judged.squaredError ** 2
  }
}

export function addLossSums(into: LossSums, from: LossSums): void {
  for (const key of Object.keys(into) as (keyof LossSums)[]) into[key] += from[key]
}

export type Labelled = Readonly<{
  /** Log-loss when every label is a class beside a probability, else squared error when every label is a number, else the error rate. */
  metric: 'log-loss' | 'error' | 'squared-error'
  n: number
  meanLoss: number
  varLoss: number | null
  meanError: number
  varError: number | null
}>

export function summariseLoss(sums: LossSums): Labelled | null {
  const { n } = sums
  if (n <= 0) return null
  const errorRate = {
    meanError: sums.error / n,
    varError: variance(n, sums.error, sums.errorSquares),
  }
  if (sums.logLossN === n)
    return {
      n,
      metric: 'log-loss',
      meanLoss: sums.logLoss / n,
      varLoss: variance(n, sums.logLoss, sums.logLossSquares),
      ...errorRate,
    }
  if (sums.numeric === n)
    return {
      n,
      metric: 'squared-error',
      meanLoss: sums.squaredError / n,
      varLoss: variance(n, sums.squaredError, sums.squaredErrorSquares),
      meanError: sums.absoluteError / n,
      varError: variance(n, sums.absoluteError, sums.squaredError),
    }
  const { meanError, varError } = errorRate
  return { n, metric: 'error', meanLoss: meanError, varLoss: varError, meanError, varError }
}

const variance = (n: number, sum: number, squares: number): number | null =>
  n < 2 ? null : Math.max(0, (squares - (sum * sum) / n) / (n - 1))
