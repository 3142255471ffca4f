import type { GateVerdict } from '@trestle/contract'
import type { Stage } from '../plan.ts'
import type {
  ArmFacts,
  ConsistencyFacts,
  CostFacts,
  DriftFacts,
  MeanFacts,
  QueriedFacts,
  ShadowFacts,
} from '../ports.ts'

/** A fact, or why its source could not give it. */
export type Fetched<T> = { ok: true; value: T } | { ok: false; because: string }

/** Everything that one look at the gates may use. Both arms are counted since the traffic of this stage went live. */
export type Look = Readonly<{
  stage: Stage
  now: number
  from: number
  candidate: Fetched<ArmFacts>
  /** Null when the new variant carries everything: there is nothing to compare with. */
  baseline: Fetched<ArmFacts> | null
  shadow: Fetched<ShadowFacts> | null
  drift: Fetched<DriftFacts> | null
  consistency: Fetched<ConsistencyFacts> | null
  cost: Fetched<{ candidate: CostFacts; baseline: CostFacts | null }> | null
  /** By the name of the metric. */
  business: ReadonlyMap<string, Fetched<{ candidate: MeanFacts; baseline: MeanFacts | null }>>
  /** By the name of the query. */
  queried: ReadonlyMap<string, Fetched<QueriedFacts>>
  /** Share of the live requests of both arms that the new variant is meant to get. */
  expectedShare: number
  errors: ErrorBudget
}>

/**
 * How often a look may be wrong. One wrong `fail` is enough to roll back, so its budget is split over gates and stages; a promotion needs every gate
 * to pass, so each may use the whole of its own (an intersection-union test).
 */
export type ErrorBudget = Readonly<{
  /** One-sided, for "harm is certain". */
  harm: number
  /** One-sided, for "harm beyond the margin is ruled out". */
  safety: number
  /** Error rate at which both arms together mean a failing environment. */
  environmentErrorRate: number
}>

/** Bounds of a quantity that hold at every look at once. */
export type Interval = Readonly<{ low: number; high: number }>

export type Judgement = Pick<
  GateVerdict,
  'verdict' | 'sentence' | 'estimate' | 'interval' | 'threshold' | 'samples' | 'missing'
>

/** JSON has no infinity: an open bound is null. */
export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
export const wireInterval = ({
  low,
  high,
}: Interval): { low: number | null; high: number | null } => ({
  low: finite(low),
  high: finite(high),
})
