import type { DdSketchState } from '@trestle/stats'
import type { EvidencePort } from './ports.ts'
import { distributionOf } from './sketch-distribution.ts'

type ArmQuery = Parameters<EvidencePort['arm']>[0]

/** What monitoring and costs answer, as far as gates need it. */
export type EvidenceSources = Readonly<{
  arm(query: ArmQuery): Promise<{
    requests: number
    forced: number
    errors: number
    timeouts: number
    rejected: number
    nanOutputs: number
    schemas: Readonly<Record<string, number>>
    latency: { sketch: DdSketchState | null }
    featureAge: { sketch: DdSketchState | null }
    score: { sketch: DdSketchState | null }
    labelled: { n: number; meanLoss: number | null; varLoss: number | null; metric: string } | null
  }>
  comparison(query: {
    endpointId: string
    primary: string
    shadow: string
    from: number
  }): Promise<{
    pairs: number
    agreement: number | null
    scored: number
    meanAbsDiff: number | null
    varAbsDiff: number | null
    spearman: number | null
    spearmanPairs: number
    mcnemar: {
      labelledPairs: number
      onlyPrimaryRight: number
      onlyShadowRight: number
      pValue: number | null
    } | null
  }>
  consistency: EvidencePort['consistency']
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
      forced: stats.forced,
      errors: stats.errors,
      timeouts: stats.timeouts,
      rejected: stats.rejected,
      nanOutputs: stats.nanOutputs,
      schemas: stats.schemas,
      latencyMs: distributionOf(stats.latency.sketch),
      featureAgeMs: distributionOf(stats.featureAge.sketch),
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
    const found = await sources.comparison(query)
    const { pairs, agreement, scored, meanAbsDiff, spearman, mcnemar } = found
    return {
      pairs,
      agreeing: agreement === null ? 0 : Math.round(pairs * agreement),
      difference:
        meanAbsDiff === null
          ? null
          : { n: scored, mean: meanAbsDiff, variance: found.varAbsDiff ?? 0 },
      ranks: spearman === null ? null : { n: found.spearmanPairs, correlation: spearman },
      labelled:
        mcnemar === null
          ? null
          : {
              n: mcnemar.labelledPairs,
              onlyPrimaryRight: mcnemar.onlyPrimaryRight,
              onlyShadowRight: mcnemar.onlyShadowRight,
              pValue: mcnemar.pValue,
            },
    }
  },
  consistency: (query) => sources.consistency(query),
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
