import { setTimeout as delay } from 'node:timers/promises'
import type { Gate } from '@trestle/contract'
import { messageOf } from '../../kernel/errors.ts'
import { appliesTo } from './gates/gate.ts'
import type { Fetched, Look } from './gates/look.ts'
import type { EvidencePort } from './ports.ts'
import type { RolloutRecord } from './record.ts'
import { stageAt } from './state.ts'

const SOURCE_TIMEOUT_MS = 5_000
/** A pass is allowed this chance of ruling out harm that is there; every gate has to pass, so it need not be split. */
const SAFETY = 0.05

/** Asks every source that the gates of this stage need. A source that throws or hangs is away, and away is neither good nor bad news. */
export async function collectLook(
  evidence: EvidencePort,
  rollout: RolloutRecord,
  at: { now: number; from: number }
): Promise<Look> {
  const { spec, endpointId } = rollout
  const stage = stageAt(spec.plan, rollout.state.step)
  const { from } = at
  const role = stage.kind === 'shadow' ? ('shadow' as const) : ('live' as const)
  const hasBaseline = stage.basisPoints < 10_000
  const needs = (metric: Gate['metric']): boolean =>
    spec.gates.some((gate) => gate.metric === metric && appliesTo(gate, stage))

  const costOf = (variant: string) => evidence.costOf({ endpointId, variant, from, to: at.now })
  const [candidate, baseline, shadow, drift, cost] = await Promise.all([
    fetched(() => evidence.arm({ endpointId, variant: spec.candidate, role, from })),
    hasBaseline
      ? fetched(() => evidence.arm({ endpointId, variant: spec.baseline, role: 'live', from }))
      : null,
    needs('agreement')
      ? fetched(() =>
          evidence.comparison({ endpointId, primary: spec.baseline, shadow: spec.candidate, from })
        )
      : null,
    needs('input-drift')
      ? fetched(() => evidence.drift({ endpointId, variant: spec.candidate }))
      : null,
    needs('cost')
      ? fetched(async () => ({
          candidate: await costOf(spec.candidate),
          baseline: hasBaseline ? await costOf(spec.baseline) : null,
        }))
      : null,
  ])
  return {
    stage,
    now: at.now,
    from,
    candidate,
    baseline,
    shadow,
    drift,
    cost,
    expectedShare: expectedShareOf(rollout, stage.basisPoints),
    errors: {
      harm: spec.alpha / (spec.plan.stages.length * Math.max(1, spec.gates.length)),
      safety: SAFETY,
      environmentErrorRate: spec.environmentErrorRate,
    },
  }
}

/** Of the requests that either arm gets: other variants of the endpoint take part in no comparison. */
function expectedShareOf({ spec }: RolloutRecord, basisPoints: number): number {
  const others = spec.before.weights.filter((w) => w.variant !== spec.candidate)
  const total = others.reduce((sum, w) => sum + w.basisPoints, 0)
  const baseline = others.find((w) => w.variant === spec.baseline)?.basisPoints ?? 0
  const ofBaseline = total === 0 ? 0 : ((10_000 - basisPoints) * baseline) / total
  return basisPoints === 0 ? 0 : basisPoints / (basisPoints + ofBaseline)
}

async function fetched<T>(ask: () => Promise<T>): Promise<Fetched<T>> {
  const limit = new AbortController()
  try {
    const late = delay(SOURCE_TIMEOUT_MS, undefined, { signal: limit.signal }).then(
      (): Fetched<T> => ({ ok: false, because: `no answer within ${SOURCE_TIMEOUT_MS / 1_000} s` }),
      (): Fetched<T> => ({ ok: false, because: 'answered' })
    )
    return await Promise.race([ask().then((value): Fetched<T> => ({ ok: true, value })), late])
  } catch (error) {
    return { ok: false, because: messageOf(error) }
  } finally {
    limit.abort()
  }
}
