/** What a rollout needs from the modules around it. `app.ts` plugs these in. */
import type { RolloutPhase } from '@trestle/contract'
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
  /** Of those, requests that named their variant themselves. */
  forced: number
  errors: number
  timeouts: number
  /** Refused: by a full queue, or for the request's own faults. */
  rejected: number
  /** Requests with a NaN or an infinite number among their outputs. */
  nanOutputs: number
  latencyMs: Distribution | null
  /** How old the oldest feature value of each request was. */
  featureAgeMs: Distribution | null
  /** Answers by the names and types of their outputs. */
  schemas: Readonly<Record<string, number>>
  /** The first numeric output. */
  score: Distribution | null
  labelled: Readonly<{ n: number; meanLoss: number; varLoss: number; metric: string }> | null
}>

/** Live answers and the shadow's answers to the same requests, row by row. */
export type ShadowFacts = Readonly<{
  pairs: number
  agreeing: number
  /** Pairs in which both gave a score, and how far apart the scores were. */
  difference: MeanFacts | null
  /** Spearman's correlation of the newest pairs of scores. */
  ranks: Readonly<{ n: number; correlation: number }> | null
  labelled: Readonly<{
    n: number
    onlyPrimaryRight: number
    onlyShadowRight: number
    pValue: number | null
  }> | null
}>

export type MeanFacts = Readonly<{ n: number; mean: number; variance: number }>

/** What the drift monitors of an endpoint say of its newest windows. */
export type DriftFacts = Readonly<{ state: 'ok' | 'drift' | 'unknown'; summary: string }>

/** How many served feature values of an endpoint's service were checked, and how many were what the history knew then. */
export type ConsistencyFacts = Readonly<{ service: string | null; values: number; asKnown: number }>

/** What a query says of a variant; null when it has no answer for it. */
export type QueriedFacts = Readonly<{ candidate: number | null; baseline: number | null }>

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
  consistency(query: { project: string; endpoint: string; from: number }): Promise<ConsistencyFacts>
  costOf(query: {
    endpointId: string
    variant: string
    from: number
    to: number
  }): Promise<CostFacts>
}

/** A metric server that answers queries of an instant. */
export interface QueryPort {
  /** The one number that the query gives; null for an empty answer or NaN. Throws when it gives several, or can't be asked. */
  instant(query: string): Promise<number | null>
}

/** Which variant gave which predictions. */
export interface PredictionPort {
  find(
    project: string,
    predictionIds: readonly string[]
  ): Promise<ReadonlyMap<string, { endpointId: string; variant: string; at: number }>>
}

/** Where news of a rollout goes: webhooks, chat, mail. */
export interface NoticePort {
  notify(notice: Notice): Promise<void>
}

export type Notice = Readonly<{
  project: string
  endpoint: string
  rolloutId: string
  phase: RolloutPhase
  /** Whose word it was: a person's key, or the controller. */
  actor: string
  severity: 'info' | 'warning' | 'critical'
  title: string
  text: string
  at: number
}>

export type RegistryStage = 'None' | 'Staging' | 'Production' | 'Archived'

/** The registry, as far as a promotion moves it. */
export interface ChampionPort {
  /** The version that a reference names now. Throws `registry.model_not_found` or `registry.version_not_found`. */
  resolve(
    project: string,
    reference: string
  ): Promise<{ name: string; version: number; stage: RegistryStage; isReady: boolean }>
  /** The version that an alias names; null when there is none. */
  aliasVersion(target: { project: string; name: string; alias: string }): Promise<number | null>
  setAlias(move: {
    project: string
    name: string
    alias: string
    version: number | null
    by: string
  }): Promise<void>
  /** The stages of the versions that are in this one now. */
  versionsIn(target: { project: string; name: string; stage: RegistryStage }): Promise<number[]>
  setStage(move: {
    project: string
    name: string
    version: number
    stage: RegistryStage
    by: string
  }): Promise<void>
}
