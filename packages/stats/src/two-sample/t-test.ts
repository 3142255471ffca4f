import type { Alternative, Outcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { cleanPair, mean, squaredDeviations } from '../samples.ts'
import type { Numbers } from '../samples.ts'
import { studentTSf } from '../special/distributions.ts'

export type TTestOptions = {
  /** 'greater': the mean of x is larger. */
  readonly alternative?: Alternative
}

export type TTestOutcome = Outcome<{ statistic: number; pValue: number; degrees: number }>

/** Student's t test: assumes equal variances. Prefer `welchTTest` where that is not known. */
export function studentTTest(x: Numbers, y: Numbers, options: TTestOptions = {}): TTestOutcome {
  return compareMeans(x, y, options, (a, b) => {
    const degrees = a.count + b.count - 2
    const pooled = (a.squares + b.squares) / degrees
    return { degrees, squaredError: pooled * (1 / a.count + 1 / b.count) }
  })
}

/** Welch's t test: variances may differ (Satterthwaite degrees of freedom). */
export function welchTTest(x: Numbers, y: Numbers, options: TTestOptions = {}): TTestOutcome {
  return compareMeans(x, y, options, (a, b) => {
    const left = a.squares / (a.count - 1) / a.count
    const right = b.squares / (b.count - 1) / b.count
    const squaredError = left + right
    const degrees = squaredError ** 2 / (left ** 2 / (a.count - 1) + right ** 2 / (b.count - 1))
    return { degrees, squaredError }
  })
}

type Spread = { count: number; squares: number }

function compareMeans(
  x: Numbers,
  y: Numbers,
  options: TTestOptions,
  error: (a: Spread, b: Spread) => { degrees: number; squaredError: number }
): TTestOutcome {
  const pair = cleanPair(x, y, 'refuse', 2)
  if (pair.kind === 'undefined') return pair
  const [a, b] = [pair.x, pair.y].map((one) => ({
    count: one.length,
    squares: squaredDeviations(one),
  }))
  const { degrees, squaredError } = error(a!, b!)
  if (!(squaredError > 0)) return undefinedBecause('no-variation')
  const statistic = (mean(pair.x) - mean(pair.y)) / Math.sqrt(squaredError)
  const pValue = tail(statistic, degrees, options.alternative ?? 'two-sided')
  return { kind: 'ok', statistic, pValue, degrees }
}

function tail(t: number, degrees: number, alternative: Alternative): number {
  switch (alternative) {
    case 'greater':
      return studentTSf(t, degrees)
    case 'less':
      return studentTSf(-t, degrees)
    case 'two-sided':
      return 2 * studentTSf(Math.abs(t), degrees)
  }
}
