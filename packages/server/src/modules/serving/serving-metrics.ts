import { Counter, Gauge, type Registry } from 'prom-client'
import { createTally } from '../../platform/telemetry/tally.ts'
import type { InferenceCompleted } from './inference-event.ts'

/** Counts of one variant since it was loaded here, for the stats of the API and of the Open Inference Protocol. */
export type VariantCounts = {
  ok: number
  error: number
  timeout: number
  rejected: number
  rows: number
  batches: number
  batchedRows: number
  latencyMs: number
  queueMs: number
  computeMs: number
  shadowed: number
  shadowsDropped: number
  lastAt: number
  /** Runs of the model by their rows, and the time that they took together. */
  byBatchRows: Map<number, { runs: number; ms: number }>
}

/** Where one variant's numbers go. */
export interface VariantMeter {
  readonly counts: VariantCounts
  readonly batch: (rows: number, ms: number) => void
  done(event: InferenceCompleted): void
  shadowDropped(): void
}

/** What Prometheus reads of serving. Labels are names of endpoints and variants that exist: nothing a caller sends becomes a label. */
export interface ServingMetrics {
  meter(of: { endpoint: string; variant: string }): VariantMeter
  /** Drops the series of an endpoint that is gone. */
  forget(endpoint: string): void
}

const LATENCY_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]
const ROLES = ['live', 'shadow'] as const
/** Callers choose how many rows they send: not each number needs to be remembered. */
const MAX_SIZES = 256
const STATUSES = ['ok', 'error', 'timeout', 'rejected'] as const

type Outcomes = Record<(typeof STATUSES)[number], number>
type CountedMeter = VariantMeter &
  Readonly<{
    labels: { endpoint: string; variant: string }
    outcomes: Readonly<{ live: Outcomes; shadow: Outcomes }>
  }>

export function createServingMetrics(
  registry: Registry,
  queueDepths: () => Iterable<{ endpoint: string; variant: string; queued: number }>
): ServingMetrics {
  const labelNames = ['endpoint', 'variant'] as const
  const registers = [registry]
  new Counter({
    name: 'trestle_inference_requests_total',
    help: 'Prediction requests by outcome. Shadows are counted apart.',
    labelNames: [...labelNames, 'role', 'status'] as const,
    registers,
    collect() {
      this.reset()
      for (const { labels, outcomes } of meters.values())
        for (const role of ROLES)
          for (const status of STATUSES)
            if (outcomes[role][status] > 0)
              this.inc({ ...labels, role, status }, outcomes[role][status])
    },
  })
  const latency = createTally(registry, {
    name: 'trestle_inference_duration_seconds',
    help: 'Time from a prediction request to its answer, live traffic.',
    bounds: LATENCY_SECONDS,
  })
  const batchRows = createTally(registry, {
    name: 'trestle_inference_batch_rows',
    help: 'Rows per run of the model.',
    bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  })
  const cached = new Counter({
    name: 'trestle_inference_cached_total',
    help: 'Live predictions that were answered from the cache of their variant.',
    labelNames,
    registers,
  })
  const dropped = new Counter({
    name: 'trestle_shadow_dropped_total',
    help: 'Copies for a shadow that were dropped because its queue was full.',
    labelNames,
    registers,
  })
  new Gauge({
    name: 'trestle_inference_queue_depth',
    help: 'Requests that wait for the model.',
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const { endpoint, variant, queued } of queueDepths())
        this.set({ endpoint, variant }, queued)
    },
  })
  const meters = new Map<string, CountedMeter>()

  const createMeter = (labels: { endpoint: string; variant: string }): CountedMeter => {
    const counts: VariantCounts = {
      ok: 0,
      error: 0,
      timeout: 0,
      rejected: 0,
      rows: 0,
      batches: 0,
      batchedRows: 0,
      latencyMs: 0,
      queueMs: 0,
      computeMs: 0,
      shadowed: 0,
      shadowsDropped: 0,
      lastAt: 0,
      byBatchRows: new Map(),
    }
    const outcomes = {
      live: { ok: 0, error: 0, timeout: 0, rejected: 0 },
      shadow: { ok: 0, error: 0, timeout: 0, rejected: 0 },
    }
    const duration = latency.of(labels)
    const rows = batchRows.of(labels)
    return {
      labels,
      outcomes,
      counts,
      batch: (size, ms) => {
        counts.batches++
        counts.batchedRows += size
        const known = counts.byBatchRows.get(size)
        if (known !== undefined) {
          known.runs++
          known.ms += ms
        } else if (counts.byBatchRows.size < MAX_SIZES)
          counts.byBatchRows.set(size, { runs: 1, ms })
        rows.add(size)
      },
      done(event) {
        outcomes[event.role][event.status]++
        if (event.role === 'shadow') {
          counts.shadowed++
          return
        }
        counts[event.status]++
        if (event.isCached === true) cached.inc(labels)
        counts.lastAt = event.at
        duration.add(event.latencyMs / 1000)
        if (event.status !== 'ok') return
        counts.rows += event.rows
        counts.latencyMs += event.latencyMs
        counts.queueMs += event.stages.queueMs
        counts.computeMs += event.stages.computeMs
      },
      shadowDropped() {
        counts.shadowsDropped++
        dropped.inc(labels)
      },
    }
  }

  return {
    meter(of) {
      const key = `${of.endpoint}/${of.variant}`
      const known = meters.get(key)
      if (known !== undefined) return known
      const made = createMeter(of)
      meters.set(key, made)
      return made
    },
    forget(endpoint) {
      for (const key of meters.keys()) {
        if (!key.startsWith(`${endpoint}/`)) continue
        meters.delete(key)
        const labels = { endpoint, variant: key.slice(endpoint.length + 1) }
        latency.forget(labels)
        batchRows.forget(labels)
        dropped.remove(labels)
        cached.remove(labels)
      }
    },
  }
}
