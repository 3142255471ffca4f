import type { Attributes } from './span.ts'

/** A histogram as OpenTelemetry names it. */
export type HistogramDefinition = Readonly<{
  name: string
  description: string
  unit: string
  bounds: readonly number[]
}>

export type HistogramPoint = Readonly<{
  attributes: Attributes
  count: number
  sum: number
  min: number
  max: number
  /** One more than there are bounds; values equal to a bound lie under it. */
  bucketCounts: readonly number[]
}>

/** More series than this of one histogram fall together under `otel.metric.overflow`, as the specification has it. */
const MAX_SERIES = 2_000

type Series = {
  attributes: Attributes
  count: number
  sum: number
  min: number
  max: number
  bucketCounts: number[]
}

/** Counts since the start of the process (cumulative). */
export function createHistograms() {
  const all = new Map<HistogramDefinition, Map<string, Series>>()
  return {
    record(definition: HistogramDefinition, value: number, attributes: Attributes): void {
      let series = all.get(definition)
      if (series === undefined) all.set(definition, (series = new Map<string, Series>()))
      let labels = attributes
      let key = JSON.stringify(labels)
      if (!series.has(key) && series.size >= MAX_SERIES) {
        labels = { 'otel.metric.overflow': true }
        key = JSON.stringify(labels)
      }
      let one = series.get(key)
      if (one === undefined) {
        const bucketCounts = Array.from({ length: definition.bounds.length + 1 }, () => 0)
        one = { attributes: labels, count: 0, sum: 0, min: Infinity, max: -Infinity, bucketCounts }
        series.set(key, one)
      }
      one.count++
      one.sum += value
      one.min = Math.min(one.min, value)
      one.max = Math.max(one.max, value)
      const at = definition.bounds.findIndex((bound) => value <= bound)
      const bucket = at === -1 ? definition.bounds.length : at
      one.bucketCounts[bucket] = (one.bucketCounts[bucket] ?? 0) + 1
    },
    read: (): readonly (readonly [HistogramDefinition, readonly HistogramPoint[]])[] =>
      [...all].map(([definition, series]) => [definition, [...series.values()]] as const),
  }
}
