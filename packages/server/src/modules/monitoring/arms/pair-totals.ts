import type { Scalar } from '../../../kernel/scalar.ts'
import { className } from '../outcome.ts'

/** One request as both the live variant and its shadow answered it. */
export type Pair = Readonly<{
  at: number
  primary: readonly PairedRow[]
  shadow: readonly PairedRow[]
  primaryLatencyMs: number
  shadowLatencyMs: number
  shadowFailed: boolean
}>

export type PairedRow = Readonly<{ score: number | null; predicted: Scalar | null }>

export type PairTotals = {
  pairs: number
  agreements: number
  /** Pairs where both gave a score. */
  scored: number
  absDiff: number
  absDiffSquares: number
  /** Requests where both answered, and how long each took. */
  timed: number
  primaryMs: number
  shadowMs: number
  shadowErrors: number
}

export const emptyPairTotals = (): PairTotals => ({
  pairs: 0,
  agreements: 0,
  scored: 0,
  absDiff: 0,
  absDiffSquares: 0,
  timed: 0,
  primaryMs: 0,
  shadowMs: 0,
  shadowErrors: 0,
})

/** Adds the rows of a request and returns the pairs of scores in it. A shadow that failed is an error, not a disagreement. */
export function addPair(totals: PairTotals, pair: Pair): { primary: number; shadow: number }[] {
  if (pair.shadowFailed) {
    totals.shadowErrors++
    return []
  }
  totals.timed++
  totals.primaryMs += pair.primaryLatencyMs
  totals.shadowMs += pair.shadowLatencyMs
  const scores: { primary: number; shadow: number }[] = []
  pair.primary.forEach((primary, i) => {
    const shadow = pair.shadow[i]
    if (shadow === undefined) return
    totals.pairs++
    if (agree(primary, shadow)) totals.agreements++
    if (primary.score === null || shadow.score === null) return
    const difference = Math.abs(primary.score - shadow.score)
    if (Number.isNaN(difference)) return
    totals.scored++
    totals.absDiff += difference
    totals.absDiffSquares += difference * difference
    scores.push({ primary: primary.score, shadow: shadow.score })
  })
  return scores
}

export function mergePairTotals(into: PairTotals, from: PairTotals): void {
  for (const key of Object.keys(into) as (keyof PairTotals)[]) into[key] += from[key]
}

/** The same class; without classes, scores that are equal to nine digits, since two runtimes differ in the last bits. */
function agree(a: PairedRow, b: PairedRow): boolean {
  if (a.predicted !== null && b.predicted !== null)
    return className(a.predicted) === className(b.predicted)
  if (a.score === null || b.score === null) return false
  return Math.abs(a.score - b.score) <= 1e-9 * Math.max(1, Math.abs(a.score), Math.abs(b.score))
}
