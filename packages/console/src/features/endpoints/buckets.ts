import type { Prediction } from '@trestle/contract'

export type Bucket = Readonly<{ at: number; requests: number; errors: number; p95: number | null }>

const STEPS_MS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 43_200, 86_400].map(
  (s) => s * 1000
)
const GOAL = 40

/** The step that shows a span in about forty buckets. */
export const bucketStep = (spanMs: number): number =>
  STEPS_MS.find((step) => spanMs / step <= GOAL) ??
  Math.ceil(spanMs / GOAL / 86_400_000) * 86_400_000

/** Predictions per step of time; steps without any are there too, as none. */
export function toBuckets(
  predictions: readonly Pick<Prediction, 'at' | 'latencyMs' | 'status'>[],
  span: { from: number; to: number; stepMs: number }
): Bucket[] {
  const first = Math.floor(span.from / span.stepMs)
  const last = Math.floor(span.to / span.stepMs)
  const groups = Map.groupBy(predictions, (p) => Math.floor(p.at / span.stepMs))
  return Array.from({ length: last - first + 1 }, (_unused, i) => {
    const inside = groups.get(first + i) ?? []
    return {
      at: (first + i) * span.stepMs,
      requests: inside.length,
      errors: inside.filter((p) => p.status !== 'ok').length,
      p95: quantile(
        inside.map((p) => p.latencyMs),
        0.95
      ),
    }
  })
}

/** Nearest-rank quantile; null of nothing. */
function quantile(values: readonly number[], q: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)] ?? null
}
