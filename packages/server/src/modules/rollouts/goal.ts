import type { Traffic } from '../serving/index.ts'
import type { Plan, Stage } from './plan.ts'
import { stageAt, type RolloutState } from './state.ts'

/** What the world should look like for a state: the reconciler compares and acts, again and again until it does. */
export type Goal = Readonly<{
  traffic: Traffic
  candidate: 'present' | 'absent'
  /** Alias and stage of the new version. */
  registry: 'untouched' | 'candidate' | 'before'
}>

export type GoalInput = Readonly<{
  id: string
  state: RolloutState
  plan: Plan
  candidate: string
  /** The traffic before the rollout: what a rollback restores, bit for bit. */
  before: Traffic
  /** The candidate was on the endpoint before; then it is not ours to remove. */
  candidateWasThere: boolean
}>

export function goalOf(rollout: GoalInput): Goal {
  const { state, before } = rollout
  switch (state.phase) {
    case 'pending':
      return { traffic: before, candidate: 'present', registry: 'untouched' }
    case 'shadow':
    case 'preview':
    case 'canary':
    case 'ab-test':
    case 'bandit':
    case 'baking':
    case 'holding':
    case 'paused':
      return {
        traffic: trafficOf(rollout, stageNow(rollout)),
        candidate: 'present',
        registry: 'untouched',
      }
    case 'promoting':
    case 'promoted':
      return {
        traffic: {
          salt: rollout.id,
          weights: [{ variant: rollout.candidate, basisPoints: 10_000 }],
          shadows: [],
        },
        candidate: 'present',
        registry: 'candidate',
      }
    case 'rolling-back':
    case 'rolled-back':
    case 'aborted':
    case 'finishing':
    case 'finished':
      return {
        traffic: before,
        candidate: rollout.candidateWasThere ? 'present' : 'absent',
        registry: 'before',
      }
  }
}

/** The stage with the share that a bandit has moved it to. */
export function stageNow({ plan, state }: Pick<GoalInput, 'plan' | 'state'>): Stage {
  const stage = stageAt(plan, state.step)
  return state.share === null ? stage : { ...stage, basisPoints: state.share.basisPoints }
}

/** The weights that a state asks for, as people read them. */
export function weightsOf(rollout: GoalInput): { candidatePercent: number; shadowShare: number } {
  const { traffic } = goalOf(rollout)
  const live = traffic.weights.find((w) => w.variant === rollout.candidate)?.basisPoints ?? 0
  const shadow = traffic.shadows.find((s) => s.variant === rollout.candidate)?.share ?? 0
  return { candidatePercent: live / 100, shadowShare: shadow }
}

/**
 * The new variant takes its weight, the others share the rest as they did before, rounded down, and the largest of them takes what rounding left.
 * The salt is the rollout's own and stays, so that a rising weight only adds keys.
 */
export function trafficOf(
  rollout: { id: string; candidate: string; before: Traffic },
  stage: Pick<Stage, 'basisPoints' | 'shadowShare'>
): Traffic {
  const others = rollout.before.weights.filter((w) => w.variant !== rollout.candidate)
  const total = others.reduce((sum, w) => sum + w.basisPoints, 0)
  const rest = 10_000 - stage.basisPoints
  const shares = others.map((w) => ({
    variant: w.variant,
    basisPoints: total === 0 ? 0 : Math.floor((w.basisPoints * rest) / total),
  }))
  const left = rest - shares.reduce((sum, w) => sum + w.basisPoints, 0)
  const largest = shares.toSorted((a, b) => b.basisPoints - a.basisPoints)[0]?.variant
  const shadows = rollout.before.shadows.filter((s) => s.variant !== rollout.candidate)
  return {
    salt: rollout.id,
    weights: [
      { variant: rollout.candidate, basisPoints: stage.basisPoints },
      ...shares.map((w) =>
        w.variant === largest ? { ...w, basisPoints: w.basisPoints + left } : w
      ),
    ].filter((w) => w.basisPoints > 0),
    shadows:
      stage.shadowShare === 0
        ? shadows
        : [...shadows, { variant: rollout.candidate, share: stage.shadowShare }],
  }
}

/** The same shares for the same variants under the same salt. The order says nothing: serving lays the buckets out by itself. */
export function isSameTraffic(a: Traffic, b: Traffic): boolean {
  const weights = (t: Traffic): string =>
    t.weights
      .filter((w) => w.basisPoints > 0)
      .map((w) => `${w.variant}=${w.basisPoints}`)
      .toSorted()
      .join(',')
  const shadows = (t: Traffic): string =>
    t.shadows
      .map((s) => `${s.variant}=${s.share}`)
      .toSorted()
      .join(',')
  return a.salt === b.salt && weights(a) === weights(b) && shadows(a) === shadows(b)
}
