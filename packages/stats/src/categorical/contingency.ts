import type { Outcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { chi2Sf } from '../special/distributions.ts'

export type Counts = readonly number[]

export type ContingencyOutcome = Outcome<{
  statistic: number
  pValue: number
  degrees: number
  /** Effect size in 0..1, independent of the sample size. */
  cramersV: number
  /** Below about 5 the chi-square approximation gets loose (Cochran 1954). */
  smallestExpected: number
}>

/**
 * Pearson chi-square test of independence for a table of counts, for example [reference, current]. Both rows
 * carry sampling error: comparing with the reference as if it were exact raises false alarms sixfold.
 * Categories seen in no row are left out; one seen in a single row is ordinary evidence, not a division by zero.
 */
export function chiSquareContingency(table: readonly Counts[]): ContingencyOutcome {
  return independence(table, (observed, expected) => (observed - expected) ** 2 / expected)
}

/** G test (log-likelihood ratio) of independence; the rows may have any sizes. */
export function gTest(table: readonly Counts[]): ContingencyOutcome {
  return independence(table, (observed, expected) =>
    observed === 0 ? 0 : 2 * observed * Math.log(observed / expected)
  )
}

export function isCount(value: number): boolean {
  return value >= 0 && value < Infinity
}

export function sumOf(counts: Counts): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

function independence(
  table: readonly Counts[],
  cell: (observed: number, expected: number) => number
): ContingencyOutcome {
  const width = table[0]?.length ?? 0
  if (table.some((row) => row.length !== width)) return undefinedBecause('length-mismatch')
  if (!table.every((row) => row.every(isCount))) return undefinedBecause('invalid-count')
  const rowSums = table.map(sumOf)
  if (table.length < 2 || rowSums.some((sum) => sum === 0)) return undefinedBecause('empty-sample')
  const columnSums = Array.from({ length: width }, (_, j) => sumOf(table.map((row) => row[j]!)))
  const used = columnSums.flatMap((sum, j) => (sum > 0 ? [j] : []))
  if (used.length < 2) return undefinedBecause('single-category')
  const total = sumOf(rowSums)
  let statistic = 0
  let pearson = 0
  let smallestExpected = Infinity
  for (const [i, row] of table.entries())
    for (const j of used) {
      const expected = (rowSums[i]! * columnSums[j]!) / total
      statistic += cell(row[j]!, expected)
      pearson += (row[j]! - expected) ** 2 / expected
      smallestExpected = Math.min(smallestExpected, expected)
    }
  const degrees = (table.length - 1) * (used.length - 1)
  const cramersV = Math.sqrt(pearson / (total * Math.min(table.length - 1, used.length - 1)))
  return {
    kind: 'ok',
    statistic,
    pValue: chi2Sf(statistic, degrees),
    degrees,
    cramersV,
    smallestExpected,
  }
}
