import { z } from 'zod'
import { name, page, pageQuery } from './names.ts'
import { route } from './route.ts'
import { rollout, rolloutTransition } from './rollouts-record.ts'
import { gate, strategy } from './rollouts-strategy.ts'

const tag = 'Rollouts'
const byId = z.object({ id: z.string() })
const note = z.strictObject({ note: z.string().max(2_000).default('') })

const newRollout = z
  .strictObject({
    endpoint: name,
    /** What to roll out: `fraud/3`, `fraud@challenger`, `models:/fraud/3`. Pinned to the version that it names now. */
    model: z.string().min(1).exactOptional(),
    /** The name of the new variant, or of one that the endpoint has already. By default made from the version. */
    variant: name.exactOptional(),
    strategy: strategy.default({ kind: 'preset', preset: 'safe' }),
    /** Empty: the default gates of the strategy. */
    gates: z.array(gate).max(30).default([]),
    /** The rollout has to be through within this time. */
    deadlineMs: z
      .int()
      .min(1_000)
      .max(90 * 86_400_000)
      .default(86_400_000),
    /** What a deadline without enough evidence leads to. It never promotes. */
    onInsufficient: z.enum(['roll-back', 'freeze']).default('roll-back'),
    /** Looks in a row on which a gate that is not critical may fail before the rollout goes back. */
    failureLimit: z.int().min(1).max(1_000).default(3),
    /** Highest chance of a wrong rollback, over all gates, steps and looks together. */
    alpha: z.number().min(0.0001).max(0.2).default(0.02),
    /** Error rate at which both variants together count as a failing environment, not as a failing variant. */
    environmentErrorRate: z.number().min(0.01).max(1).default(0.25),
    /** Moved to the new version at the very end. */
    promoteAlias: name.exactOptional(),
    /** How long the old variants stay warm after promotion; null keeps them until a person removes them. */
    keepOldMs: z
      .int()
      .min(0)
      .max(90 * 86_400_000)
      .nullable()
      .default(3_600_000),
    /** Abort a running rollout of this endpoint and begin anew at the first step. */
    replace: z.boolean().default(false),
  })
  .refine((body) => body.model !== undefined || body.variant !== undefined, {
    error: 'say which model or which variant to roll out',
    path: ['model'],
  })

const humanAction = (path: string, summary: string) =>
  route({
    method: 'POST',
    path,
    role: 'operator',
    tag,
    summary,
    params: byId,
    body: note,
    response: rollout,
    errors: ['rollouts.rollout_not_found', 'resource.conflict', 'rollouts.in_progress'],
  })

export const rollouts = {
  createRollout: route({
    method: 'POST',
    path: '/api/rollouts',
    role: 'operator',
    tag,
    summary: 'Roll a model version out to an endpoint',
    status: 201,
    body: newRollout,
    response: rollout,
    errors: [
      'serving.endpoint_not_found',
      'serving.variant_not_found',
      'registry.model_not_found',
      'registry.version_not_found',
      'rollouts.in_progress',
      'resource.conflict',
    ],
  }),
  listRollouts: route({
    method: 'GET',
    path: '/api/rollouts',
    role: 'viewer',
    tag,
    summary: 'List rollouts, newest first',
    query: pageQuery.extend({ endpoint: name.optional() }),
    response: page(rollout),
  }),
  getRollout: route({
    method: 'GET',
    path: '/api/rollouts/:id',
    role: 'viewer',
    tag,
    summary: 'A rollout with its timeline: transitions, weights, gate verdicts',
    params: byId,
    response: rollout.extend({ timeline: z.array(rolloutTransition) }),
    errors: ['rollouts.rollout_not_found'],
  }),
  pauseRollout: humanAction('/api/rollouts/:id/pause', 'Stand still; harm still rolls back'),
  resumeRollout: humanAction('/api/rollouts/:id/resume', 'Go on after a pause or a freeze'),
  promoteRollout: humanAction(
    '/api/rollouts/:id/promote',
    'Give the new variant everything now, whatever the gates say'
  ),
  abortRollout: humanAction('/api/rollouts/:id/abort', 'Give the traffic back to the old variant'),
  approveRollout: humanAction('/api/rollouts/:id/approve', 'Approve the step that waits for it'),
}

export type NewRollout = z.output<typeof newRollout>
