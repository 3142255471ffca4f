import { dropMissing, mean, quantileOfSorted, squaredDeviations } from '../samples.ts'
import type { Numbers } from '../samples.ts'

export type EdgeRule = 'sturges' | 'doane' | 'freedman-diaconis'

const MAX_BINS = 10_000

/**
 * Equal-width edges over the finite values, for drawing. For comparing, take quantile bins: equal widths are
 * blind on skewed data. Empty input gives no edge, constant input one bin of width 1 around the value.
 */
export function histogramEdges(values: Numbers, rule: EdgeRule): number[] {
  const finite = dropMissing(values).filter(Number.isFinite).sort()
  if (finite.length === 0) return []
  const low = finite[0]!
  const range = finite.at(-1)! - low
  if (range === 0) return [low - 0.5, low + 0.5]
  const width = binWidth(finite, range, rule)
  const bins = width > 0 ? Math.min(MAX_BINS, Math.max(1, Math.ceil(range / width))) : 1
  return Array.from({ length: bins + 1 }, (_, i) =>
    i === bins ? low + range : low + (range * i) / bins
  )
}

function binWidth(finite: Float64Array, range: number, rule: EdgeRule): number {
  const n = finite.length
  switch (rule) {
    case 'sturges': // Sturges 1926
      return range / (Math.log2(n) + 1)
    case 'doane': {
      // Doane 1976: extra bins for skewness beyond its standard error.
      if (n < 3) return range / (Math.log2(n) + 1)
      const centre = mean(finite)
      const deviation = Math.sqrt(squaredDeviations(finite, centre) / n)
      const skewness = mean(finite.map((value) => ((value - centre) / deviation) ** 3))
      const error = Math.sqrt((6 * (n - 2)) / ((n + 1) * (n + 3)))
      return range / (1 + Math.log2(n) + Math.log2(1 + Math.abs(skewness) / error))
    }
    case 'freedman-diaconis': // Freedman and Diaconis 1981
      return (2 * (quantileOfSorted(finite, 0.75) - quantileOfSorted(finite, 0.25))) / Math.cbrt(n)
  }
}
