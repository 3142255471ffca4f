import { mcNemar, spearman } from '@trestle/stats'
import type { Clock } from '../../../kernel/clock.ts'
import { createNewestMap } from '../../../kernel/newest-map.ts'
import type { InferenceCompleted } from '../../serving/index.ts'
import type { LoggedInference } from '../inference-log/record.ts'
import { createOutputFacts, predictedClass, scoreColumn, type Judged } from '../outcome.ts'
import {
  addEvent,
  emptyArmTotals,
  loadArmTotals,
  mergeArmTotals,
  saveArmTotals,
  type ArmTotals,
  type ArmTotalsState,
} from './arm-totals.ts'
import { addJudged, addLossSums, summariseLoss, type Labelled, type LossSums } from './loss-sums.ts'
import {
  addPair,
  emptyPairTotals,
  mergePairTotals,
  type PairedRow,
  type PairTotals,
} from './pair-totals.ts'
import { createTimeline, type Slice, type Timeline } from './timeline.ts'

export type ArmKey = Readonly<{ endpointId: string; variant: string; role: 'live' | 'shadow' }>

/** Facts of one arm. `coveredFrom` is the first moment counted: `from`, or the edge of the slice after it (1 s wide for 5 minutes, 10 s for an hour, 60 s for a day). */
export type ArmStats = ArmKey &
  Readonly<{
    coveredFrom: number
    requests: number
    /** Requests that named their variant themselves. */
    forced: number
    rows: number
    errors: number
    timeouts: number
    rejected: number
    nanOutputs: number
    busyMs: number
    /** Answers by the names and types of their outputs. */
    schemas: Readonly<Record<string, number>>
    /** How old the oldest feature value of each request was, in ms; null where none was read. */
    featureAge: Readonly<{ sketch: ArmTotalsState['featureAge'] }>
    /** `sketch` holds the whole distribution (DDSketch state, 1 % relative error); null before the first request. */
    latency: Readonly<{
      sketch: ArmTotalsState['latency']
      p50: number | null
      p95: number | null
      p99: number | null
    }>
    score: Readonly<{
      n: number
      mean: number
      variance: number | null
      sketch: ArmTotalsState['scores']
      p05: number | null
      p50: number | null
      p95: number | null
    }>
    labelled: Labelled | null
  }>

export type ShadowComparison = Readonly<{
  primary: string
  shadow: string
  coveredFrom: number
  pairs: number
  /** Pairs where both gave a score. */
  scored: number
  agreement: number | null
  meanAbsDiff: number | null
  varAbsDiff: number | null
  spearman: number | null
  spearmanPairs: number
  latencyRatio: number | null
  shadowErrors: number
  mcnemar: Readonly<{
    labelledPairs: number
    onlyPrimaryRight: number
    onlyShadowRight: number
    pValue: number | null
  }> | null
}>

/** How labelled pairs came out, from the label table. */
export type PairedOutcomes = Readonly<{
  labelledPairs: number
  onlyPrimaryRight: number
  onlyShadowRight: number
}>

type Answer = {
  variant: string
  failed: boolean
  latencyMs: number
  /** Made when the other half is there: most requests have none. */
  rows: () => readonly PairedRow[]
}
type Waiting = { at: number; live: Answer | null; shadows: Answer[] }
type ScorePair = { at: number; primary: number; shadow: number }

export type ArmsState = Readonly<{
  arms: readonly { key: ArmKey; slices: readonly Slice<ArmTotalsState>[] }[]
  pairs: readonly {
    endpointId: string
    primary: string
    shadow: string
    slices: readonly Slice<PairTotals>[]
    scores: readonly ScorePair[]
  }[]
  endpoints: readonly { project: string; endpoint: string; endpointId: string }[]
}>

/** Requests whose other half is waited for. The oldest are forgotten first. */
const MAX_WAITING = 20_000
/** Score pairs kept for the rank correlation. */
const MAX_SCORE_PAIRS = 2_000

/** Counts every arm and every pair of live and shadow answers as they happen. All in memory; saved and loaded as a whole. */
export function createArms(deps: { clock: Clock }) {
  const { clock } = deps
  const factsOf = createOutputFacts()
  const arms = new Map<string, { key: ArmKey; timeline: Timeline<ArmTotals> }>()
  const pairs = new Map<
    string,
    {
      endpointId: string
      primary: string
      shadow: string
      timeline: Timeline<PairTotals>
      scores: ScorePair[]
    }
  >()
  const waiting = createNewestMap<string, Waiting>(MAX_WAITING)
  const endpoints = new Map<string, { project: string; endpoint: string; endpointId: string }>()

  // Most events are of the arm of the one before.
  let last: { of: InferenceCompleted; timeline: Timeline<ArmTotals> } | null = null
  const isOfSameArm = (a: InferenceCompleted, b: InferenceCompleted): boolean =>
    a.endpointId === b.endpointId &&
    a.variant === b.variant &&
    a.role === b.role &&
    a.project === b.project &&
    a.endpoint === b.endpoint

  const timelineOf = (event: InferenceCompleted): Timeline<ArmTotals> => {
    const name = `${event.project}\u0000${event.endpoint}`
    if (endpoints.get(name)?.endpointId !== event.endpointId)
      endpoints.set(name, {
        project: event.project,
        endpoint: event.endpoint,
        endpointId: event.endpointId,
      })
    return armOf(event).timeline
  }

  const armOf = (key: ArmKey) => {
    const name = `${key.endpointId}\u0000${key.variant}\u0000${key.role}`
    const known = arms.get(name)
    if (known !== undefined) return known
    const { endpointId, variant, role } = key
    const made = {
      key: { endpointId, variant, role },
      timeline: createTimeline({ empty: emptyArmTotals, merge: mergeArmTotals }),
    }
    arms.set(name, made)
    return made
  }

  const pairOf = (endpointId: string, primary: string, shadow: string) => {
    const name = `${endpointId}\u0000${primary}\u0000${shadow}`
    const known = pairs.get(name)
    if (known !== undefined) return known
    const made = {
      endpointId,
      primary,
      shadow,
      timeline: createTimeline({ empty: emptyPairTotals, merge: mergePairTotals }),
      scores: [] as ScorePair[],
    }
    pairs.set(name, made)
    return made
  }

  /** A shadow may end before its live request does, so each half waits for the other. */
  const pairUp = (event: InferenceCompleted): void => {
    if (event.role === 'live' && event.isShadowed !== true) return
    const id = event.pairedWith ?? event.predictionId
    let entry = waiting.get(id)
    if (entry === undefined) {
      entry = { at: event.at, live: null, shadows: [] }
      waiting.set(id, entry)
    }
    const answer = answerOf(event)
    if (event.role === 'live') entry.live = answer
    else entry.shadows.push(answer)
    const { live } = entry
    if (live === null || live.failed) return
    if (entry.shadows.length === 0) return
    for (const shadow of entry.shadows.splice(0)) {
      const pair = pairOf(event.endpointId, live.variant, shadow.variant)
      const totals = pair.timeline.at(entry.at, clock.now())
      if (totals === null) continue
      const scores = addPair(totals, {
        at: entry.at,
        primary: live.rows(),
        shadow: shadow.rows(),
        primaryLatencyMs: live.latencyMs,
        shadowLatencyMs: shadow.latencyMs,
        shadowFailed: shadow.failed,
      })
      for (const score of scores) pair.scores.push({ at: entry.at, ...score })
      if (pair.scores.length > 2 * MAX_SCORE_PAIRS)
        pair.scores.splice(0, pair.scores.length - MAX_SCORE_PAIRS)
    }
  }

  return {
    observe({ event }: LoggedInference): void {
      if (last === null || !isOfSameArm(last.of, event))
        last = { of: event, timeline: timelineOf(event) }
      const totals = last.timeline.at(event.at, clock.now())
      if (totals !== null) addEvent(totals, event, factsOf)
      if (event.status !== 'rejected') pairUp(event)
    },
    /** Adds or takes back a judged prediction. */
    label(key: ArmKey & { at: number }, judged: Omit<Judged, 'predicted'>, sign: 1 | -1): void {
      const totals = armOf(key).timeline.at(key.at, clock.now())
      if (totals !== null) addJudged(totals.loss, judged, sign)
    },
    /** Adds the sums of many judged predictions of one moment. */
    addLoss(key: ArmKey & { at: number }, sums: LossSums): void {
      const totals = armOf(key).timeline.at(key.at, clock.now())
      if (totals !== null) addLossSums(totals.loss, sums)
    },
    endpointId: (project: string, endpoint: string): string | null =>
      endpoints.get(`${project}\u0000${endpoint}`)?.endpointId ?? null,
    keysOf: (endpointId: string): ArmKey[] =>
      [...arms.values()].flatMap(({ key }) => (key.endpointId === endpointId ? [key] : [])),
    stats(key: ArmKey, from: number): ArmStats {
      const { total, coveredFrom } = armOf(key).timeline.since(from, clock.now())
      return { ...toStats(total), ...armOf(key).key, coveredFrom }
    },
    comparison(
      key: { endpointId: string; primary: string; shadow: string },
      from: number,
      outcomes: PairedOutcomes | null
    ): ShadowComparison {
      const pair = pairOf(key.endpointId, key.primary, key.shadow)
      const { total, coveredFrom } = pair.timeline.since(from, clock.now())
      const recent = pair.scores.filter((s) => s.at >= coveredFrom).slice(-MAX_SCORE_PAIRS)
      return {
        primary: key.primary,
        shadow: key.shadow,
        coveredFrom,
        ...toComparison(total),
        ...rankCorrelation(recent),
        mcnemar: outcomes === null ? null : toMcNemar(outcomes),
      }
    },
    save: (): ArmsState => ({
      arms: [...arms.values()].map(({ key, timeline }) => ({
        key,
        slices: timeline.slices().map((s) => ({ ...s, value: saveArmTotals(s.value) })),
      })),
      pairs: [...pairs.values()].map(({ timeline, ...rest }) => ({
        ...rest,
        slices: timeline.slices(),
      })),
      endpoints: [...endpoints.values()],
    }),
    load(state: ArmsState): void {
      last = null
      for (const { key, slices } of state.arms)
        armOf(key).timeline.load(slices.map((s) => ({ ...s, value: loadArmTotals(s.value) })))
      for (const saved of state.pairs) {
        const pair = pairOf(saved.endpointId, saved.primary, saved.shadow)
        pair.timeline.load(saved.slices)
        pair.scores = [...saved.scores]
      }
      for (const endpoint of state.endpoints)
        endpoints.set(`${endpoint.project}\u0000${endpoint.endpoint}`, endpoint)
    },
  }
}
export type Arms = ReturnType<typeof createArms>

function answerOf(event: InferenceCompleted): Answer {
  const { outputs, rows } = event
  return {
    variant: event.variant,
    failed: event.status !== 'ok',
    latencyMs: event.latencyMs,
    rows: () => toPairedRows(outputs, rows),
  }
}

function toPairedRows(outputs: InferenceCompleted['outputs'], rows: number): PairedRow[] {
  const scores = scoreColumn(outputs)
  const classes = predictedClass(outputs)
  return Array.from({ length: rows }, (_, i) => {
    const score = scores?.values[i]
    return {
      score: typeof score === 'number' ? score : null,
      predicted: classes?.values[i] ?? null,
    }
  })
}

function toStats(total: ArmTotals): Omit<ArmStats, keyof ArmKey | 'coveredFrom'> {
  const n = total.score.count()
  const { latency, featureAge, scores, loss, score, ...counts } = total
  const quantile = (sketch: typeof latency, q: number): number | null =>
    sketch === null || sketch.count() === 0 ? null : sketch.quantile(q)
  return {
    ...counts,
    featureAge: { sketch: featureAge?.toJSON() ?? null },
    latency: {
      sketch: latency?.toJSON() ?? null,
      p50: quantile(latency, 0.5),
      p95: quantile(latency, 0.95),
      p99: quantile(latency, 0.99),
    },
    score: {
      n,
      mean: n === 0 ? 0 : score.mean(),
      variance: n < 2 ? null : score.variance(),
      sketch: scores?.toJSON() ?? null,
      p05: quantile(scores, 0.05),
      p50: quantile(scores, 0.5),
      p95: quantile(scores, 0.95),
    },
    labelled: summariseLoss(loss),
  }
}

function toComparison(total: PairTotals) {
  const { pairs, scored, timed } = total
  return {
    pairs,
    scored,
    agreement: pairs === 0 ? null : total.agreements / pairs,
    meanAbsDiff: scored === 0 ? null : total.absDiff / scored,
    varAbsDiff:
      scored < 2
        ? null
        : Math.max(0, (total.absDiffSquares - total.absDiff ** 2 / scored) / (scored - 1)),
    latencyRatio: timed === 0 || total.primaryMs === 0 ? null : total.shadowMs / total.primaryMs,
    shadowErrors: total.shadowErrors,
  }
}

function rankCorrelation(recent: readonly ScorePair[]) {
  const outcome = spearman(
    recent.map((s) => s.primary),
    recent.map((s) => s.shadow)
  )
  return {
    spearman: outcome.kind === 'ok' ? outcome.statistic : null,
    spearmanPairs: recent.length,
  }
}

function toMcNemar(outcomes: PairedOutcomes): ShadowComparison['mcnemar'] {
  if (outcomes.labelledPairs === 0) return null
  const test = mcNemar(outcomes.onlyPrimaryRight, outcomes.onlyShadowRight)
  return { ...outcomes, pValue: test.kind === 'ok' ? test.pValue : null }
}
