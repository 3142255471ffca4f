import { z } from 'zod'
import { epochMs } from './names.ts'
import { gateMetric, resolvedGate } from './rollouts-gates.ts'
import { strategy } from './rollouts-strategy.ts'

export const rolloutPhase = z.enum([
  'pending',
  'shadow',
  'preview',
  'canary',
  'ab-test',
  'bandit',
  'baking',
  'holding',
  'paused',
  'promoting',
  'promoted',
  'finishing',
  'finished',
  'rolling-back',
  'rolled-back',
  'aborted',
])
export type RolloutPhase = z.infer<typeof rolloutPhase>

/** Why a rollout stands still. All but `deadline` end by themselves when their cause does. */
export const holdCause = z.enum([
  'insufficient',
  'evidence-unavailable',
  'environment',
  'sample-ratio',
  'gate-failing',
  'approval',
  'freeze-window',
  'deadline',
])
export type HoldCause = z.infer<typeof holdCause>

/** What one gate says at one look. `insufficient` and `error` never promote. */
export const gateVerdict = z.object({
  metric: gateMetric,
  /** Of metrics of which there may be several; null for the others. */
  name: z.string().nullable(),
  verdict: z.enum(['pass', 'fail', 'insufficient', 'error', 'environment']),
  isCritical: z.boolean(),
  /** The verdict in plain words, with its numbers. */
  sentence: z.string(),
  /** The measured harm (difference, ratio less one, distance), as the threshold counts it. */
  estimate: z.number().nullable(),
  /** Bounds of the harm that hold at every look at once. Null where a bound is infinite. */
  interval: z.object({ low: z.number().nullable(), high: z.number().nullable() }).nullable(),
  threshold: z.number(),
  samples: z.object({ candidate: z.int(), baseline: z.int().nullable() }),
  /** Of `insufficient`: what is missing and how long it is expected to take at the present rate. */
  missing: z
    .object({ samples: z.int().nullable(), expectedMs: z.int().nullable(), why: z.string() })
    .nullable(),
})
export type GateVerdict = z.infer<typeof gateVerdict>

const weights = z.object({
  /** Share of live requests that the new variant is meant to get, in percent. */
  candidatePercent: z.number(),
  /** Share of requests copied to the new variant, 0 to 1. */
  shadowShare: z.number(),
})

/** One step in the life of a rollout, with the evidence that it was taken on. Written before its effect. */
export const rolloutTransition = z.object({
  seq: z.int(),
  at: epochMs,
  /** Who caused it: a person's key, or `rollout-controller`. */
  actor: z.string(),
  event: z.string(),
  from: rolloutPhase,
  to: rolloutPhase,
  step: z.int(),
  reason: z.string(),
  weights,
  verdicts: z.array(gateVerdict),
})
export type RolloutTransition = z.infer<typeof rolloutTransition>

export const rolloutStage = z.object({
  kind: z.enum(['shadow', 'preview', 'canary', 'ab-test', 'bandit', 'baking']),
  candidatePercent: z.number(),
  shadowShare: z.number(),
  /** Most that the copies of a day may cost. */
  dailyCapUsd: z.number().nullable(),
  bakeMs: z.int(),
  minRequests: z.int(),
  needsApproval: z.boolean(),
})
export type RolloutStage = z.infer<typeof rolloutStage>

/** Stages that a promotion can lead to. */
export const promotedStage = z.enum(['Staging', 'Production'])

export const rollout = z.object({
  id: z.string(),
  project: z.string(),
  endpoint: z.string(),
  endpointId: z.string(),
  model: z.object({ name: z.string(), version: z.int() }),
  /** The new variant. */
  candidate: z.string(),
  /** The variant that it is compared with. */
  baseline: z.string(),
  strategy,
  stages: z.array(rolloutStage),
  gates: z.array(resolvedGate),
  phase: rolloutPhase,
  step: z.int(),
  isActive: z.boolean(),
  hold: holdCause.nullable(),
  /** Why it is in this phase, in plain words. */
  reason: z.string(),
  weights,
  promoteAlias: z.string().nullable(),
  promoteStage: promotedStage.nullable(),
  /** Whether it was begun by a policy, on a move of an alias or stage. */
  isByPolicy: z.boolean(),
  deadlineAt: epochMs,
  createdAt: epochMs,
  createdBy: z.string(),
  endedAt: epochMs.nullable(),
  /** When the old variants are (or were) removed; null: they stay. */
  retireAt: epochMs.nullable(),
  /** The newest look at the gates. */
  look: z.object({ at: epochMs, decision: z.string(), verdicts: z.array(gateVerdict) }).nullable(),
  /** The last effect that failed and is being tried again. */
  trouble: z.string().nullable(),
})
export type Rollout = z.infer<typeof rollout>
