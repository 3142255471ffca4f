/**
 * Rollouts: bring a model version into traffic step by step, judge it on evidence, promote it or take it back.
 * Owns the plan, the gates' verdicts and the state of every rollout. Owns no traffic and no metrics: it acts through `EndpointPort` and `ChampionPort`
 * and reads through `EvidencePort`.
 * Invariants: a transition and its evidence are on disk before its effect; one process acts on an endpoint at a time; no weight above the step's;
 * nothing is promoted without a pass of every gate, or a person's word; missing evidence holds.
 */
export { createEvidence } from './evidence-source.ts'
export { rolloutMigrations } from './migrations/index.ts'
export type {
  ConsistencyFacts,
  ArmFacts,
  ChampionPort,
  EndpointFacts,
  EndpointPort,
  EvidencePort,
  Notice,
  NoticePort,
  PredictionPort,
  RegistryStage,
  VariantFacts,
} from './ports.ts'
export { createPrometheus } from './prometheus.ts'
export type { RolloutRecord } from './record.ts'

export type { Rollouts } from './rollouts.ts'
export { createRollouts } from './service.ts'
export type { HumanAction } from './state.ts'
