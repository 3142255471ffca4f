/** What a rollout needs from the modules around it. `app.ts` plugs these in. */
import type { Traffic } from '../serving/index.ts'

export type EndpointFacts = Readonly<{
  id: string
  name: string
  variants: readonly VariantFacts[]
  traffic: Traffic
}>

export type VariantFacts = Readonly<{
  name: string
  model: Readonly<{ name: string; version: number }>
  state: 'loading' | 'ready' | 'failed'
  error: string | null
}>

/** The endpoint as an actuator. Every call may be repeated without harm. */
export interface EndpointPort {
  get(project: string, endpoint: string): Promise<EndpointFacts | null>
  /** Loads and warms before it returns; throws when the model can't be loaded. */
  addVariant(
    project: string,
    endpoint: string,
    request: { variant: string; model: string }
  ): Promise<void>
  /** Refused while the variant has traffic. */
  removeVariant(project: string, endpoint: string, variant: string): Promise<void>
  /** Stored, then live at once. */
  setTraffic(target: {
    project: string
    endpoint: string
    traffic: Traffic
    by: string
  }): Promise<void>
}

/** A sample of a number, as a sketch can answer for it. */
export interface Distribution {
  readonly count: number
  /** The value at `q` in 0..1. */
  quantile(q: number): number
  /** The share of values at or below `x`. */
  shareBelow(x: number): number
}

/** What one arm did since a moment. */
export type ArmFacts = Readonly<{
  requests: number
  errors: number
  timeouts: number
  /** Refused: by a full queue, or for the request's own faults. */
  rejected: number
  /** Requests with a NaN or an infinite number among their outputs. */
  nanOutputs: number
  latencyMs: Distribution | null
  /** The first numeric output. */
  score: Distribution | null
  labelled: Readonly<{ n: number; meanLoss: number; varLoss: number; metric: string }> | null
}>

/** Live answers and the shadow's answers to the same requests. */
export type ShadowFacts = Readonly<{ pairs: number; agreeing: number }>

/** What the drift monitors of an endpoint say of its newest windows. */
export type DriftFacts = Readonly<{ state: 'ok' | 'drift' | 'unknown'; summary: string }>

export type CostFacts = Readonly<{ predictions: number; usdPer1000: number | null }>

/** The facts that gates are judged on. A call that throws means that the source is away. */
export interface EvidencePort {
  arm(query: {
    endpointId: string
    variant: string
    role: 'live' | 'shadow'
    from: number
  }): Promise<ArmFacts>
  comparison(query: {
    endpointId: string
    primary: string
    shadow: string
    from: number
  }): Promise<ShadowFacts>
  drift(query: { endpointId: string; variant: string }): Promise<DriftFacts>
  costOf(query: {
    endpointId: string
    variant: string
    from: number
    to: number
  }): Promise<CostFacts>
}

/** The registry, as far as a promotion moves it. */
export interface ChampionPort {
  /** The version that a reference names now. Throws `registry.model_not_found` or `registry.version_not_found`. */
  resolve(project: string, reference: string): Promise<{ name: string; version: number }>
  /** The version that an alias names; null when there is none. */
  aliasVersion(target: { project: string; name: string; alias: string }): Promise<number | null>
  setAlias(move: {
    project: string
    name: string
    alias: string
    version: number | null
    by: string
  }): Promise<void>
}
