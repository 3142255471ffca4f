import { setTimeout as delay } from 'node:timers/promises'
import type { Gate } from '@trestle/contract'
import { messageOf } from '../../kernel/errors.ts'
import { appliesTo } from './gates/gate.ts'
import type { Fetched, Look } from './gates/look.ts'
import type { Business } from './business/business.ts'
import { stageNow } from './goal.ts'
import type { EvidencePort, QueryPort } from './ports.ts'
import { askQuery } from './queried.ts'
import type { RolloutRecord } from './record.ts'

/** What a look asks: the doors of other modules, what the business pushed, and a metric server. */
export type Evidence = EvidencePort &
  Readonly<{
    business: Business['mean']
    queries: QueryPort | null
  }>

const SOURCE_TIMEOUT_MS = 5_000
/** A pass is allowed this chance of ruling out harm that is there; every gate has to pass, so it need not be split. */
const SAFETY = 0.05

/** Asks every source that the gates of this stage need. A source that throws or hangs is away, and away is neither good nor bad news. */
export async function collectLook(
  evidence: Evidence,
  rollout: RolloutRecord,
  at: { now: number; from: number }
): Promise<Look> {
  const { spec, endpointId } = rollout
  const stage = stageNow({ plan: spec.plan, state: rollout.state })
  const { from } = at
  const role = stage.kind === 'shadow' ? ('shadow' as const) : ('live' as const)
  const hasBaseline = stage.basisPoints < 10_000
  const gates = spec.gates.filter((gate) => appliesTo(gate, stage))
  const needs = (...metrics: readonly Gate['metric'][]): boolean =>
    gates.some((gate) => metrics.includes(gate.metric))

  const costOf = (variant: string) => evidence.costOf({ endpointId, variant, from, to: at.now })
  const meanOf = (metric: string, variant: string) =>
    evidence.business({ endpointId, metric, variant, from })
  const [candidate, baseline, shadow, drift, consistency, cost, business, queried] =
    await Promise.all([
      fetched(() => evidence.arm({ endpointId, variant: spec.candidate, role, from })),
      hasBaseline
        ? fetched(() => evidence.arm({ endpointId, variant: spec.baseline, role: 'live', from }))
        : null,
      needs('agreement', 'score-difference', 'rank-correlation', 'paired-labels')
        ? fetched(() =>
            evidence.comparison({
              endpointId,
              primary: spec.baseline,
              shadow: spec.candidate,
              from,
            })
          )
        : null,
      needs('input-drift')
        ? fetched(() => evidence.drift({ endpointId, variant: spec.candidate }))
        : null,
      needs('feature-consistency')
        ? fetched(() =>
            evidence.consistency({ project: rollout.project, endpoint: rollout.endpoint, from })
          )
        : null,
      needs('cost')
        ? fetched(async () => ({
            candidate: await costOf(spec.candidate),
            baseline: hasBaseline ? await costOf(spec.baseline) : null,
          }))
        : null,
      byName(gates, 'business-metric', async ({ name }) => ({
        candidate: await meanOf(name ?? '', spec.candidate),
        baseline: hasBaseline ? await meanOf(name ?? '', spec.baseline) : null,
      })),
      byName(gates, 'promql', (gate) =>
        askQuery(evidence.queries, gate, {
          endpoint: rollout.endpoint,
          candidate: spec.candidate,
          baseline: spec.baseline,
          windowMs: at.now - from,
          hasBaseline,
        })
      ),
    ])
  return {
    stage,
    now: at.now,
    from,
    candidate,
    baseline,
    shadow,
    drift,
    consistency,
    cost,
    business,
    queried,
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

async function byName<T>(
  gates: readonly Gate[],
  metric: Gate['metric'],
  ask: (gate: Gate) => Promise<T>
): Promise<ReadonlyMap<string, Fetched<T>>> {
  const mine = gates.filter((gate) => gate.metric === metric)
  const answers = await Promise.all(
    mine.map(async (gate) => [gate.name ?? '', await fetched(() => ask(gate))] as const)
  )
  return new Map(answers)
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
