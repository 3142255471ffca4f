import { z } from 'zod'
import { epochMs, name } from './names.ts'
import { promotedStage } from './rollouts-record.ts'
import { gate } from './rollouts-gates.ts'
import { strategy } from './rollouts-strategy.ts'

const NINETY_DAYS_MS = 90 * 86_400_000

/** How to go about a rollout. */
export const rolloutOptions = z.strictObject({
  strategy: strategy.default({ kind: 'preset', preset: 'safe' }),
  /** Empty: the default gates of the strategy. */
  gates: z.array(gate).max(30).default([]),
  /** The rollout has to be through within this time. */
  deadlineMs: z.int().min(1_000).max(NINETY_DAYS_MS).default(86_400_000),
  /** What a deadline without enough evidence leads to. It never promotes. */
  onInsufficient: z.enum(['roll-back', 'freeze']).default('roll-back'),
  /** Looks in a row on which a gate that is not critical may fail before the rollout goes back. */
  failureLimit: z.int().min(1).max(1_000).default(3),
  /** Highest chance of a wrong rollback, over all gates, steps and looks together. */
  alpha: z.number().min(0.0001).max(0.2).default(0.02),
  /** Error rate at which both variants together count as a failing environment, not as a failing variant. */
  environmentErrorRate: z.number().min(0.01).max(1).default(0.25),
  /** How long the old variants stay warm after promotion; null keeps them until a person removes them. */
  keepOldMs: z.int().min(0).max(NINETY_DAYS_MS).nullable().default(3_600_000),
})
export type RolloutOptions = z.output<typeof rolloutOptions>

/** The same, each to be left out: then the endpoint's policy says, else the default. */
export const rolloutChoices = z.strictObject({
  strategy: strategy.exactOptional(),
  gates: z.array(gate).max(30).exactOptional(),
  deadlineMs: rolloutOptions.shape.deadlineMs.unwrap().exactOptional(),
  onInsufficient: rolloutOptions.shape.onInsufficient.unwrap().exactOptional(),
  failureLimit: rolloutOptions.shape.failureLimit.unwrap().exactOptional(),
  alpha: rolloutOptions.shape.alpha.unwrap().exactOptional(),
  environmentErrorRate: rolloutOptions.shape.environmentErrorRate.unwrap().exactOptional(),
  keepOldMs: rolloutOptions.shape.keepOldMs.unwrap().exactOptional(),
})

/** How versions of a model come to an endpoint: what a rollout of it does when nothing else is said, and which move in the registry begins one. */
export const declaredPolicy = z.strictObject({
  endpoint: name,
  /** The registered model whose versions come this way. */
  model: name,
  /**
   * Setting this alias, or moving a version to this stage, begins a rollout instead; the alias or stage moves when that ends well. Null: rollouts are
   * begun by hand.
   */
  on: z
    .union([z.strictObject({ alias: name }), z.strictObject({ stage: promotedStage })])
    .nullable()
    .default(null),
  ...rolloutOptions.shape,
})
export type DeclaredPolicy = z.output<typeof declaredPolicy>

export const rolloutPolicy = z.object({
  ...declaredPolicy.shape,
  updatedAt: epochMs,
  updatedBy: z.string(),
})

const dayOfWeek = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write HH:MM, 00:00 to 23:59')

/** A time in which no rollout takes a step forward. Harm still rolls back, and people may still act. */
export const declaredFreeze = z.strictObject({
  name,
  /** Null: every endpoint of the project. */
  endpoint: name.nullable().default(null),
  reason: z.string().max(500).default(''),
  when: z.discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('once'), from: epochMs, to: epochMs })
      .refine(({ from, to }) => from < to, { error: 'must end after it begins', path: ['to'] }),
    /** From `from` on each of the days until `to`, on the next day when that is earlier. */
    z.strictObject({
      kind: z.literal('weekly'),
      days: z.array(dayOfWeek).min(1).max(7),
      from: timeOfDay,
      to: timeOfDay,
      /** As IANA names it: `Europe/Berlin`. */
      timeZone: z
        .string()
        .default('UTC')
        .refine(isTimeZone, { error: 'is no time zone that this machine knows' }),
    }),
  ]),
})
export type DeclaredFreeze = z.output<typeof declaredFreeze>

export const freezeWindow = z.object({
  ...declaredFreeze.shape,
  /** Whether it holds at this moment. */
  isFrozen: z.boolean(),
  updatedAt: epochMs,
  updatedBy: z.string(),
})

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return true
  } catch {
    return false
  }
}
