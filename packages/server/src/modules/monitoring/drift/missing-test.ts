import { logChoose } from '@trestle/stats'

/**
 * Whether values go missing more or less often than in the reference: Fisher's exact test, two-sided by doubling the smaller tail.
 * Exact, because missing values are often rare in the reference, where a chi-square test has no footing.
 */
export function missingPValue(
  reference: { missing: number; total: number },
  current: { missing: number; total: number }
): number {
  const drawn = current.total
  const population = reference.total + current.total
  const marked = reference.missing + current.missing
  if (marked === 0 || marked === population || drawn === 0 || reference.total === 0) return 1
  const lowest = Math.max(0, drawn - (population - marked))
  const highest = Math.min(drawn, marked)
  const all = logChoose(population, drawn)
  const chance = (k: number): number =>
    Math.exp(logChoose(marked, k) + logChoose(population - marked, drawn - k) - all)
  const tail = (from: number, to: number): number => {
    let sum = 0
    for (let k = from; k <= to; k++) sum += chance(k)
    return sum
  }
  const atMost = tail(lowest, current.missing)
  const atLeast = Math.min(1, 1 - atMost + chance(current.missing))
  const upper = atLeast > 1e-9 ? atLeast : tail(current.missing, highest) // 1 - x has no digits left down there
  return Math.min(1, 2 * Math.min(atMost, upper))
}
