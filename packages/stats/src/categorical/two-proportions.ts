import type { Outcome, TestOutcome, Undefined } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { logChoose } from '../special/gamma.ts'
import { normalSf } from '../special/normal.ts'
import { isCount } from './contingency.ts'

/** A 2 x 2 table [[a, b], [c, d]]: rows are samples, columns outcomes. */
export type TwoByTwo = readonly [readonly [number, number], readonly [number, number]]

// Tables that tie with the observed one must count as tied despite rounding.
const TIE = 1e-7

/** Pooled two-proportion z test, two-sided. */
export function twoProportionZ(table: TwoByTwo): TestOutcome {
  const margins = check(table)
  if (margins.kind === 'undefined') return margins
  const statistic = pooledZ(table[0][0], table[1][0], margins.n, margins.m)
  return { kind: 'ok', statistic, pValue: Math.min(1, 2 * normalSf(Math.abs(statistic))) }
}

/** Fisher's exact test, two-sided: all tables of the same margins no likelier than the observed one. */
export function fisherExact(table: TwoByTwo): Outcome<{ oddsRatio: number; pValue: number }> {
  const margins = check(table)
  if (margins.kind === 'undefined') return margins
  const [[a, b], [c, d]] = table
  const { n, m } = margins
  const column = a + c
  const log = (x: number) => logChoose(n, x) + logChoose(m, column - x) - logChoose(n + m, column)
  const observed = log(a)
  let pValue = 0
  for (let x = Math.max(0, column - m); x <= Math.min(n, column); x++)
    if (log(x) <= observed + TIE) pValue += Math.exp(log(x))
  const oddsRatio = (a * d) / (b * c)
  return { kind: 'ok', oddsRatio, pValue: Math.min(1, pValue) }
}

/** Barnard's exact test with the pooled z as order, two-sided: the largest p-value over the common rate (1945). */
export function barnardExact(table: TwoByTwo): TestOutcome {
  const margins = check(table)
  if (margins.kind === 'undefined') return margins
  const { n, m } = margins
  const statistic = pooledZ(table[0][0], table[1][0], n, m)
  // Only the number of events matters for the rate, so the extreme tables fold into one sum per total.
  const logWeights = new Float64Array(n + m + 1).fill(-Infinity)
  for (let x = 0; x <= n; x++)
    for (let y = 0; y <= m; y++) {
      if (Math.abs(pooledZ(x, y, n, m)) < Math.abs(statistic) - TIE * 1e-3) continue
      const log = logChoose(n, x) + logChoose(m, y)
      const held = logWeights[x + y]!
      const top = Math.max(log, held)
      logWeights[x + y] = top + Math.log(Math.exp(log - top) + Math.exp(held - top))
    }
  const pAt = (rate: number) => {
    let sum = 0
    for (const [events, log] of logWeights.entries())
      if (log > -Infinity)
        sum += Math.exp(log + events * Math.log(rate) + (n + m - events) * Math.log1p(-rate))
    return sum
  }
  return { kind: 'ok', statistic, pValue: Math.min(1, statistic === 0 ? 1 : maximise(pAt)) }
}

function check(table: TwoByTwo): { kind: 'margins'; n: number; m: number } | Undefined {
  if (!table.flat().every((count) => isCount(count) && Number.isInteger(count)))
    return undefinedBecause('invalid-count')
  const [[a, b], [c, d]] = table
  if (a + b === 0 || c + d === 0) return undefinedBecause('empty-sample')
  if (a + c === 0 || b + d === 0) return undefinedBecause('single-category')
  return { kind: 'margins', n: a + b, m: c + d }
}

function pooledZ(x: number, y: number, n: number, m: number): number {
  const pooled = (x + y) / (n + m)
  const variance = pooled * (1 - pooled) * (1 / n + 1 / m)
  return variance === 0 ? 0 : (x / n - y / m) / Math.sqrt(variance)
}

/** Largest value on (0, 1): a grid finds the hill, golden sections climb it. */
function maximise(f: (x: number) => number): number {
  const steps = 500
  const grid = Array.from({ length: steps - 1 }, (_, i) => f((i + 1) / steps))
  const best = grid.indexOf(Math.max(...grid)) + 1
  const golden = (Math.sqrt(5) - 1) / 2
  let low = Math.max(1e-12, (best - 1) / steps)
  let high = Math.min(1 - 1e-12, (best + 1) / steps)
  for (let i = 0; i < 60; i++) {
    const left = high - golden * (high - low)
    const right = low + golden * (high - low)
    if (f(left) < f(right)) low = left
    else high = right
  }
  return f((low + high) / 2)
}
