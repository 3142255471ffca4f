import type { Gate } from '@trestle/contract'
import { normalQuantile } from '@trestle/stats'
import { judgeAll } from '../../packages/server/src/modules/rollouts/gates/judge.ts'
import type { ArmFacts } from '../../packages/server/src/modules/rollouts/ports.ts'
import type { Trace } from './traces.ts'

export type Verdict = 'roll-back' | 'promote' | 'wait'

/** Says what it would do after look `k` (1-based) of a trace. */
export type Judge = { name: string; judge: (trace: Trace, k: number) => Verdict }

/** An arm of which only requests and errors are known. */
export const armOf = (requests: number, errors: number): ArmFacts => ({
  requests,
  forced: 0,
  errors,
  timeouts: 0,
  rejected: 0,
  nanOutputs: 0,
  schemas: {},
  latencyMs: null,
  featureAgeMs: null,
  score: null,
  labelled: null,
})

/** The error-rate gate as it runs in the server, with the whole error budget on this one gate and stage: its least cautious setting. */
export function trestle(margin: number, alpha = 0.02): Judge {
  const gate: Gate = {
    metric: 'error-rate',
    name: null,
    query: null,
    higherIsBetter: false,
    margin,
    max: null,
    min: null,
    floorMs: 0,
    isCritical: true,
    minSamples: 100,
  }
  return {
    name: `Trestle, margin ${margin * 100} point${margin === 0.01 ? '' : 's'}`,
    judge: (trace, k) => {
      const [verdict] = judgeAll([gate], {
        stage: {
          kind: 'canary',
          basisPoints: 5_000,
          shadowShare: 0,
          dailyCapUsd: null,
          moves: null,
          bakeMs: 0,
          minRequests: 1,
          needsApproval: false,
        },
        now: k,
        from: 0,
        candidate: { ok: true, value: armOf(trace.total.candidate(k), trace.errors.candidate(k)) },
        baseline: { ok: true, value: armOf(trace.total.baseline(k), trace.errors.baseline(k)) },
        shadow: null,
        drift: null,
        consistency: null,
        cost: null,
        business: new Map(),
        queried: new Map(),
        expectedShare: 0.5,
        errors: { harm: alpha, safety: 0.05, environmentErrorRate: 0.9 },
      })
      return verdict?.verdict === 'fail'
        ? 'roll-back'
        : verdict?.verdict === 'pass'
          ? 'promote'
          : 'wait'
    },
  }
}

/** The textbook test for two proportions, one-sided at 5 %, taken anew at every look. */
export const fixedZTest: Judge = {
  name: 'z-test at every look, one-sided 5 %',
  judge: (trace, k) => {
    const n = trace.total.candidate(k)
    const m = trace.total.baseline(k)
    const a = trace.errors.candidate(k) / n
    const b = trace.errors.baseline(k) / m
    const pooled = (trace.errors.candidate(k) + trace.errors.baseline(k)) / (n + m)
    const se = Math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    if (se === 0) return 'wait'
    return (a - b) / se > normalQuantile(0.95) ? 'roll-back' : 'wait'
  },
}

const FEWEST_POINTS = 5

/**
 * In the manner of Kayenta's NetflixACAJudge: Mann-Whitney on the error rates per interval at confidence 0.98, and "High" when the confidence interval
 * of the shift lies above a quarter of the Hodges-Lehmann estimate. Judged at every look over all points so far.
 */
export const kayentaLike: Judge = {
  name: 'Kayenta-like judge (Mann-Whitney 0.98, tolerance 0.25)',
  judge: (trace, k) => {
    if (k < FEWEST_POINTS) return 'wait'
    const differences: number[] = []
    for (let i = 1; i <= k; i++)
      for (let j = 1; j <= k; j++)
        differences.push(trace.rate.candidate(i) - trace.rate.baseline(j))
    differences.sort((a, b) => a - b)
    const pairs = k * k
    const z = normalQuantile(0.99)
    const rank = Math.floor(pairs / 2 - z * Math.sqrt((pairs * (2 * k + 1)) / 12))
    if (rank < 1) return 'wait'
    const low = differences[rank - 1] ?? -Infinity
    const estimate = differences[Math.floor(pairs / 2)] ?? 0
    return low > 0.25 * Math.abs(estimate) ? 'roll-back' : 'wait'
  },
}

/** In the manner of an Argo Rollouts AnalysisTemplate: `successCondition: result <= limit` on each interval's error rate of the canary alone. */
export function argoLike(limit: number, failureLimit: number): Judge {
  return {
    name: `Argo-style threshold ${Number((limit * 100).toFixed(2))} %, failureLimit ${failureLimit}`,
    judge: (trace, k) => {
      let failed = 0
      for (let i = 1; i <= k; i++) if (trace.rate.candidate(i) > limit) failed++
      return failed > failureLimit ? 'roll-back' : 'wait'
    },
  }
}
