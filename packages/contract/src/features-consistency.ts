import { z } from 'zod'
import { epochMs, name } from './names.ts'
import { route } from './route.ts'

const tag = 'Features'
const count = z.int().nonnegative()
const scalar = z.union([z.number(), z.string(), z.boolean(), z.null()])

/**
 * Why a served value is not the one that was known then: `stale`, an older event was served; `missing`, nothing was; `extra`, something was that
 * the history does not have; `value`, the same event with another value.
 */
export const mismatchCause = z.enum(['stale', 'missing', 'extra', 'value'])
export type MismatchCause = z.infer<typeof mismatchCause>

const example = z.object({
  feature: z.string(),
  keys: z.record(z.string(), scalar),
  at: z.number(),
  served: scalar,
  known: scalar,
  corrected: scalar,
  /** Null: what was served was known then, and later rows changed it. */
  cause: mismatchCause.nullable(),
})
export type ConsistencyExample = z.infer<typeof example>

export const consistency = z.object({
  view: z.string(),
  version: z.int(),
  reads: count,
  values: count,
  /** Values that were what was known at the instant of the read: anything less than all is a fault. */
  asKnown: count,
  /** Of these, values that an event had overtaken that was on its way in that very second. */
  inFlight: count,
  /** Values that are still right by all that is known today: the rest came late. */
  asCorrected: count,
  causes: z.object({ stale: count, missing: count, extra: count, value: count }),
  features: z.array(
    z.object({ name: z.string(), values: count, asKnown: count, asCorrected: count })
  ),
  examples: z.array(example),
  /** Of the reads that were checked. */
  firstReadAt: z.number(),
  lastReadAt: z.number(),
  checkedAt: epochMs,
})
export type Consistency = z.infer<typeof consistency>

const report = z.object({
  items: z.array(consistency),
  /** Sampled reads that are not checked yet, and those that were lost to a full buffer or a deleted view. */
  waiting: count,
  dropped: count,
})
export type ConsistencyReport = z.infer<typeof report>

export const consistencyRoutes = {
  consistency: route({
    method: 'GET',
    path: '/api/features/consistency',
    role: 'viewer',
    tag,
    summary:
      'How often a served value equals the offline one, per view and feature, with examples of those that do not',
    query: z.object({
      view: name.optional(),
      service: name.optional(),
      /** Unset: the last 24 hours. */
      since: z.coerce.number().int().optional(),
    }),
    response: report,
    errors: ['features.view_not_found', 'features.service_not_found'],
  }),
  checkConsistency: route({
    method: 'POST',
    path: '/api/features/consistency/check',
    role: 'operator',
    tag,
    summary: 'Check the sampled reads that wait, now',
    body: z.strictObject({}),
    response: report,
  }),
}
