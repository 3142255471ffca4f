import type { DdSketchState } from '@trestle/stats'
import type { EvidencePort } from './ports.ts'
import { distributionOf } from './sketch-distribution.ts'

type ArmQuery = Parameters<EvidencePort['arm']>[0]

/** What monitoring and costs answer, as far as gates need it. */
export type EvidenceSources = Readonly<{
  arm(query: ArmQuery): Promise<{
    requests: number
    errors: number
    timeouts: number
    rejected: number
    nanOutputs: number
    latency: { sketch: DdSketchState | null }
    score: { sketch: DdSketchState | null }
    labelled: { n: number; meanLoss: number | null; varLoss: number | null; metric: string } | null
  }>
  comparison(query: {
    endpointId: string
    primary: string
    shadow: string
    from: number
  }): Promise<{ pairs: number; agreement: number | null }>
  drift(endpointId: string): Promise<{
    state: string
    monitors: readonly { name: string; state: string; summary: string }[]
  }>
  /** Money in units of 1e-12 dollars. */
  costOf(query: {
    endpointId: string
    variant: string
    from: number
    to: number
  }): Promise<{ predictions: number; usdPer1000: bigint | null }>
}>

const UNITS_PER_DOLLAR = 1e12

/** The evidence port over the doors of monitoring and costs. */
export const createEvidence = (sources: EvidenceSources): EvidencePort => ({
  async arm(query) {
    const stats = await sources.arm(query)
    const { labelled } = stats
    return {
      requests: stats.requests,
      errors: stats.errors,
      timeouts: stats.timeouts,
      rejected: stats.rejected,
      nanOutputs: stats.nanOutputs,
      latencyMs: distributionOf(stats.latency.sketch),
      score: distributionOf(stats.score.sketch),
      labelled:
        labelled === null || labelled.meanLoss === null || labelled.varLoss === null
          ? null
          : {
              n: labelled.n,
              meanLoss: labelled.meanLoss,
              varLoss: labelled.varLoss,
              metric: labelled.metric,
            },
    }
  },
  async comparison(query) {
    const { pairs, agreement } = await sources.comparison(query)
    return { pairs, agreeing: agreement === null ? 0 : Math.round(pairs * agreement) }
  },
  async drift({ endpointId }) {
    const { state, monitors } = await sources.drift(endpointId)
    const worst = monitors.find((monitor) => monitor.state === state)
    return {
      state: state === 'ok' || state === 'drift' ? state : 'unknown',
      summary: worst === undefined ? 'no monitor' : `monitor "${worst.name}": ${worst.summary}`,
    }
  },
  async costOf(query) {
    const { predictions, usdPer1000 } = await sources.costOf(query)
    return {
      predictions,
      usdPer1000: usdPer1000 === null ? null : Number(usdPer1000) / UNITS_PER_DOLLAR,
    }
  },
})
