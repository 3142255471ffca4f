/**
 * Adjusted p-values for many tests at once: reject where the adjusted value is <= the wanted rate. NaN stands for
 * a test that had no answer; it stays NaN and does not count as a test.
 */

/** Benjamini and Hochberg 1995: false discovery rate, for independent or positively dependent tests. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  return stepUp(pValues, () => 1)
}

/** Benjamini and Yekutieli 2001: false discovery rate under any dependence, at the price of a harmonic factor. */
export function benjaminiYekutieli(pValues: readonly number[]): number[] {
  return stepUp(pValues, (tests) => {
    let harmonic = 0
    for (let i = 1; i <= tests; i++) harmonic += 1 / i
    return harmonic
  })
}

/** Family-wise error rate under any dependence. */
export function bonferroni(pValues: readonly number[]): number[] {
  const tests = pValues.filter((p) => !Number.isNaN(p)).length
  return pValues.map((p) => Math.min(1, p * tests))
}

function stepUp(pValues: readonly number[], penalty: (tests: number) => number): number[] {
  const order = pValues
    .flatMap((p, index) => (Number.isNaN(p) ? [] : [{ p, index }]))
    .sort((a, b) => b.p - a.p)
  const factor = order.length * penalty(order.length)
  const adjusted = pValues.map(() => NaN)
  let smallest = 1
  for (const [position, { p, index }] of order.entries()) {
    smallest = Math.min(smallest, (p * factor) / (order.length - position))
    adjusted[index] = smallest
  }
  return adjusted
}
