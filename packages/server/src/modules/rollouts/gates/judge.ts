import type { Gate, GateVerdict } from '@trestle/contract'
import { judgeAgreement } from './agreement.ts'
import { judgeBusiness } from './business.ts'
import { judgeCost } from './cost.ts'
import { judgeDistribution } from './distribution.ts'
import { appliesTo } from './gate.ts'
import { judgeConsistency } from './feature-consistency.ts'
import { judgeDrift } from './input-drift.ts'
import { judgeFreshness, judgeLatency } from './latency.ts'
import type { Fetched, Judgement, Look } from './look.ts'
import { judgeOutputSchema } from './output-schema.ts'
import { judgePairedLabels, judgeRankCorrelation, judgeScoreDifference } from './paired.ts'
import { judgePromql } from './promql.ts'
import { judgeQuality } from './quality.ts'
import { judgeRate } from './rates.ts'
import { judgeSampleRatio } from './sample-ratio.ts'

/** The verdicts of every gate that this stage can judge. Pure: the same look gives the same verdicts. */
export const judgeAll = (gates: readonly Gate[], look: Look): GateVerdict[] =>
  gates
    .filter((gate) => appliesTo(gate, look.stage))
    .map((gate) => ({
      metric: gate.metric,
      name: gate.name,
      isCritical: gate.isCritical,
      ...judge(gate, look),
    }))

function judge(gate: Gate, look: Look): Judgement {
  const { metric } = gate
  switch (metric) {
    case 'error-rate':
    case 'timeout-rate':
    case 'nan-outputs':
      return withArms(gate, look, (arms) => judgeRate({ ...gate, metric }, arms, look))
    case 'latency-p50':
    case 'latency-p95':
    case 'latency-p99':
      return withArms(gate, look, (arms) => judgeLatency({ ...gate, metric }, arms, look))
    case 'feature-freshness':
      return withArms(gate, look, (arms) => judgeFreshness(gate, arms, look))
    case 'output-schema':
      return withBoth(gate, look, (arms) => judgeOutputSchema(gate, arms, look))
    case 'prediction-distribution':
      return withBoth(gate, look, (arms) => judgeDistribution(gate, arms, look))
    case 'label-quality':
      return withBoth(gate, look, (arms) => judgeQuality(gate, arms, look))
    case 'sample-ratio':
      return withBoth(gate, look, (arms) => judgeSampleRatio(gate, arms, look))
    case 'agreement':
      return withFact(gate, look.shadow, (facts) => judgeAgreement(gate, facts, look))
    case 'score-difference':
      return withFact(gate, look.shadow, (facts) => judgeScoreDifference(gate, facts, look))
    case 'rank-correlation':
      return withFact(gate, look.shadow, (facts) => judgeRankCorrelation(gate, facts, look))
    case 'paired-labels':
      return withFact(gate, look.shadow, (facts) => judgePairedLabels(gate, facts, look))
    case 'business-metric': {
      const values = look.business.get(gate.name ?? '') ?? null
      return withFact(gate, values, (facts) => judgeBusiness(gate, facts, look))
    }
    case 'promql': {
      const answers = look.queried.get(gate.name ?? '') ?? null
      return withFact(gate, answers, (facts) => judgePromql(gate, facts, look))
    }
    case 'cost':
      return withFact(gate, look.cost, (facts) => judgeCost(gate, facts, look))
    case 'input-drift':
      return withFact(gate, look.drift, (facts) => judgeDrift(facts))
    case 'feature-consistency':
      return withFact(gate, look.consistency, (facts) => judgeConsistency(gate, facts))
  }
}

type Arm = Extract<Look['candidate'], { ok: true }>['value']

function withArms(
  gate: Gate,
  look: Look,
  judgeArms: (arms: { candidate: Arm; baseline: Arm | null }) => Judgement
): Judgement {
  if (!look.candidate.ok) return away(gate, look.candidate.because)
  if (look.baseline === null) return judgeArms({ candidate: look.candidate.value, baseline: null })
  if (!look.baseline.ok) return away(gate, look.baseline.because)
  return judgeArms({ candidate: look.candidate.value, baseline: look.baseline.value })
}

const withBoth = (
  gate: Gate,
  look: Look,
  judgeArms: (arms: { candidate: Arm; baseline: Arm }) => Judgement
): Judgement =>
  withArms(gate, look, ({ candidate, baseline }) =>
    baseline === null
      ? away(gate, 'there is no old variant to compare with')
      : judgeArms({ candidate, baseline })
  )

function withFact<T>(
  gate: Gate,
  fact: Fetched<T> | null,
  judgeFact: (value: T) => Judgement
): Judgement {
  if (fact === null) return away(gate, 'it was not asked for')
  return fact.ok ? judgeFact(fact.value) : away(gate, fact.because)
}

/** The source is away: never a pass, never a fail. */
const away = (gate: Gate, because: string): Judgement => ({
  verdict: 'error',
  sentence: `${gate.name ?? gate.metric} could not be read: ${because}`,
  estimate: null,
  interval: null,
  threshold: gate.margin,
  samples: { candidate: 0, baseline: null },
  missing: null,
})
