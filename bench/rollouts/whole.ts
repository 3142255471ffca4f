/**
 * A whole rollout, as the server runs it: the plan of a preset, the gates with their share of the error budget, one decision per look. Only the clock and
 * the requests are made up. Says how often a version that fails so much more is promoted, and how many live requests it answered until then.
 */
import { rolloutOptions } from '@trestle/contract'
import { createRng, type Rng } from '@trestle/stats'
import { decide } from '../../packages/server/src/modules/rollouts/decide.ts'
import { resolveGates } from '../../packages/server/src/modules/rollouts/gates/gate.ts'
import { judgeAll } from '../../packages/server/src/modules/rollouts/gates/judge.ts'
import type { Look } from '../../packages/server/src/modules/rollouts/gates/look.ts'
import { planOf, type Stage } from '../../packages/server/src/modules/rollouts/plan.ts'
import { armOf } from './judges.ts'

const LOOK_EVERY_MS = 60_000
const REQUESTS_PER_LOOK = 3_000
const DEADLINE_MS = 4 * 3_600_000
const DEFAULTS = rolloutOptions.parse({})

export type Ends = { promoted: number; rolledBack: number; late: number; exposed: number[] }
type Rates = { baseline: number; candidate: number }

/** Everything that a preset does to one version. Late is what the deadline took back. */
function runOne(preset: 'safe' | 'fast', rates: Rates, rng: Rng) {
  const plan = planOf({ kind: 'preset', preset })
  const all = resolveGates([], plan)
  const gates = all.filter(({ metric }) => metric === 'error-rate')
  const errors = {
    // The other gates of the default set have their share of the budget, though nothing is wrong with what they watch.
    harm: DEFAULTS.alpha / (plan.stages.length * all.length),
    safety: 0.05,
    environmentErrorRate: DEFAULTS.environmentErrorRate,
  }
  let now = 0
  let exposed = 0
  for (const stage of plan.stages) {
    const from = now
    const sums = { candidate: { n: 0, errors: 0 }, baseline: { n: 0, errors: 0 } }
    for (;;) {
      now += LOOK_EVERY_MS
      const live = draw(rng, REQUESTS_PER_LOOK, stage.basisPoints / 10_000)
      const mine = stage.kind === 'shadow' ? draw(rng, REQUESTS_PER_LOOK, stage.shadowShare) : live
      exposed += live
      sums.candidate.n += mine
      sums.candidate.errors += draw(rng, mine, rates.candidate)
      const others = stage.kind === 'shadow' ? REQUESTS_PER_LOOK : REQUESTS_PER_LOOK - live
      sums.baseline.n += others
      sums.baseline.errors += draw(rng, others, rates.baseline)
      const decision = decide({
        now,
        stage,
        appliedAt: from,
        deadlineAt: DEADLINE_MS,
        onInsufficient: 'roll-back',
        verdicts: judgeAll(gates, lookAt(stage, { now, from, sums, errors })),
        requests: sums.candidate.n,
        failures: new Map(),
        failureLimit: DEFAULTS.failureLimit,
        looksWithoutEvidence: 0,
        isEnvironmentFailing: false,
        isApproved: true,
        freeze: null,
      })
      if (decision.kind === 'roll-back')
        return { end: now >= DEADLINE_MS ? ('late' as const) : ('rolledBack' as const), exposed }
      if (decision.kind === 'advance') break
    }
  }
  return { end: 'promoted' as const, exposed }
}

type Sums = Record<'candidate' | 'baseline', { n: number; errors: number }>

function lookAt(
  stage: Stage,
  facts: { now: number; from: number; sums: Sums; errors: Look['errors'] }
): Look {
  const { candidate, baseline } = facts.sums
  return {
    stage,
    now: facts.now,
    from: facts.from,
    candidate: { ok: true, value: armOf(candidate.n, candidate.errors) },
    baseline:
      stage.basisPoints === 10_000 ? null : { ok: true, value: armOf(baseline.n, baseline.errors) },
    shadow: null,
    drift: null,
    cost: null,
    consistency: null,
    business: new Map(),
    queried: new Map(),
    expectedShare: stage.basisPoints / 10_000,
    errors: facts.errors,
  }
}

/** How many of `n` come out, each with chance `p`: skips from one to the next, so that it costs as much as there are. */
function draw(rng: Rng, n: number, p: number): number {
  if (p >= 1) return n
  if (p <= 0) return 0
  if (p > 0.5) return n - draw(rng, n, 1 - p)
  const log = Math.log1p(-p)
  let hits = 0
  for (let i = Math.floor(Math.log(1 - rng()) / log); i < n; hits++)
    i += 1 + Math.floor(Math.log(1 - rng()) / log)
  return hits
}

export function runWhole(
  preset: 'safe' | 'fast',
  rates: Rates,
  given: { rollouts: number; seed: number }
): Ends {
  const ends: Ends = { promoted: 0, rolledBack: 0, late: 0, exposed: [] }
  for (let i = 0; i < given.rollouts; i++) {
    const { end, exposed } = runOne(preset, rates, createRng(given.seed + i))
    ends[end]++
    if (end !== 'promoted') ends.exposed.push(exposed)
  }
  return ends
}

export const WHOLE: readonly { name: string; rates: Rates }[] = [
  { name: '0.5 % → 0.5 %', rates: { baseline: 0.005, candidate: 0.005 } },
  { name: '2 % → 2 %', rates: { baseline: 0.02, candidate: 0.02 } },
  { name: '2 % → 2.5 %, within the margin', rates: { baseline: 0.02, candidate: 0.025 } },
  { name: '2 % → 3 %, at the margin', rates: { baseline: 0.02, candidate: 0.03 } },
  { name: '2 % → 3.5 %', rates: { baseline: 0.02, candidate: 0.035 } },
  { name: '2 % → 4 %', rates: { baseline: 0.02, candidate: 0.04 } },
  { name: '2 % → 5 %', rates: { baseline: 0.02, candidate: 0.05 } },
  { name: '0.5 % → 3 %', rates: { baseline: 0.005, candidate: 0.03 } },
]
