import type { ModelLatency } from '@trestle/contract'
import { madeUpFeeds, type Feeds } from './example-feeds.ts'
import type { OnnxSummary } from './onnx-summary.ts'
import { probeOnnx } from './probe.ts'

const TIMING = { warmups: 10, maxRuns: 2_000, maxMs: 1_000 }
const TIMEOUT_MS = 60_000

/** Times runs of a model, one after the other, for a second at most. Null, with the reason, when it can't be run here. */
export async function measureLatency(model: {
  path: string
  onnx: OnnxSummary
  example: Feeds | null
}): Promise<{ latency: ModelLatency } | { latency: null; reason: string }> {
  const feeds = model.example ?? madeUpFeeds(model.onnx.inputs)
  if (feeds === null)
    return { latency: null, reason: 'it takes inputs that can’t be made up, and has no example' }
  const result = await probeOnnx({ path: model.path, feeds, timing: TIMING }, TIMEOUT_MS)
  if (result.kind === 'too-slow') return { latency: null, reason: 'it took longer than a minute' }
  if (result.kind === 'failed') return { latency: null, reason: result.message }
  const sorted = result.micros.toSorted((a, b) => a - b)
  const quantile = (q: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
  return {
    latency: {
      p50: quantile(0.5),
      p95: quantile(0.95),
      p99: quantile(0.99),
      mean: sorted.reduce((sum, v) => sum + v, 0) / Math.max(1, sorted.length),
      runs: sorted.length,
      input: model.example === null ? 'made up' : 'input example',
    },
  }
}
