import { z } from 'zod'
import { epochMs, name, nothing, page, pageQuery } from './names.ts'
import { route } from './route.ts'
import {
  declaredFreeze,
  declaredPolicy,
  freezeWindow,
  rolloutChoices,
  rolloutPolicy,
} from './rollouts-options.ts'
import { promotedStage, rollout, rolloutTransition } from './rollouts-record.ts'

const tag = 'Rollouts'
const byId = z.object({ id: z.string() })
const ofEndpoint = z.object({ endpoint: name })
const ofFreeze = z.object({ name })
const note = z.strictObject({ note: z.string().max(2_000).default('') })

const newRollout = z
  .strictObject({
    endpoint: name,
    /** What to roll out: `fraud/3`, `fraud@challenger`, `models:/fraud/3`. Pinned to the version that it names now. */
    model: z.string().min(1).exactOptional(),
    /** The name of the new variant, or of one that the endpoint has already. By default made from the version. */
    variant: name.exactOptional(),
    /** What is left out is the endpoint's policy, or else the default. */
    ...rolloutChoices.shape,
    /** Moved to the new version at the very end. */
    promoteAlias: name.exactOptional(),
    /** The stage that the new version is moved to at the very end; those that were in it are archived with `archiveOthers`. */
    promoteStage: promotedStage.exactOptional(),
    archiveOthers: z.boolean().default(false),
    /** Abort a running rollout of this endpoint and begin anew at the first step. */
    replace: z.boolean().default(false),
  })
  .refine((body) => body.model !== undefined || body.variant !== undefined, {
    error: 'say which model or which variant to roll out',
    path: ['model'],
  })

const businessValue = z
  .strictObject({
    metric: z.string().min(1).max(120),
    value: z.number(),
    /** Of the prediction that it came of; says the variant and the moment. */
    predictionId: z.string().min(1).max(200).exactOptional(),
    /** In place of a prediction: who it is of. */
    variant: name.exactOptional(),
    /** In place of a prediction: what makes it one value when it is pushed twice. */
    id: z.string().min(1).max(200).exactOptional(),
    /** When what it measures happened; by default now, or the moment of the prediction. */
    at: epochMs.exactOptional(),
  })
  .refine((one) => (one.predictionId === undefined) !== (one.variant === undefined), {
    error: 'say either the prediction or the variant',
    path: ['predictionId'],
  })
  .refine((one) => one.variant === undefined || one.id !== undefined, {
    error: 'a value of a variant needs an id, so that pushing it twice counts it once',
    path: ['id'],
  })
export type BusinessValue = z.output<typeof businessValue>

const change = z.object({
  kind: z.enum(['create', 'update', 'delete', 'unchanged']),
  subject: z.string(),
  detail: z.string(),
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
      'registry.version_not_ready',
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
  pushBusinessMetrics: route({
    method: 'POST',
    path: '/api/business-metrics',
    role: 'operator',
    isDataTraffic: true,
    tag,
    summary:
      'Tell what came of predictions; the same value twice counts once, a new one replaces it',
    body: z.strictObject({ endpoint: name, values: z.array(businessValue).min(1).max(10_000) }),
    response: z.object({
      accepted: z.int(),
      /** Predictions that are not in the log, or not yet: their values were not taken. */
      unknown: z.array(z.string()),
    }),
    errors: ['serving.endpoint_not_found', 'serving.variant_not_found'],
  }),
  listPolicies: route({
    method: 'GET',
    path: '/api/rollout-policies',
    role: 'viewer',
    tag,
    summary: 'How versions come to their endpoints',
    response: z.object({ items: z.array(rolloutPolicy) }),
  }),
  putPolicy: route({
    method: 'PUT',
    path: '/api/rollout-policies/:endpoint',
    role: 'operator',
    tag,
    summary:
      'Say how versions come to an endpoint, and which move in the registry begins a rollout',
    params: ofEndpoint,
    body: declaredPolicy.omit({ endpoint: true }),
    response: rolloutPolicy,
    errors: ['request.invalid', 'resource.conflict'],
  }),
  deletePolicy: route({
    method: 'DELETE',
    path: '/api/rollout-policies/:endpoint',
    role: 'operator',
    tag,
    summary: 'Forget a policy; running rollouts go on',
    params: ofEndpoint,
    response: nothing,
    errors: ['rollouts.policy_not_found'],
  }),
  listFreezeWindows: route({
    method: 'GET',
    path: '/api/freeze-windows',
    role: 'viewer',
    tag,
    summary: 'Times in which no rollout takes a step forward',
    response: z.object({ items: z.array(freezeWindow) }),
  }),
  putFreezeWindow: route({
    method: 'PUT',
    path: '/api/freeze-windows/:name',
    role: 'operator',
    tag,
    summary: 'Set a time in which no rollout takes a step forward',
    params: ofFreeze,
    body: declaredFreeze.omit({ name: true }),
    response: freezeWindow,
  }),
  deleteFreezeWindow: route({
    method: 'DELETE',
    path: '/api/freeze-windows/:name',
    role: 'operator',
    tag,
    summary: 'Delete a freeze window',
    params: ofFreeze,
    response: nothing,
    errors: ['rollouts.freeze_not_found'],
  }),
  apply: route({
    method: 'POST',
    path: '/api/rollouts/apply',
    role: 'operator',
    tag,
    summary:
      'Bring policies and freeze windows to what is declared; with dryRun, only say what would change',
    body: z.strictObject({
      policies: z.array(declaredPolicy).default([]),
      freezeWindows: z.array(declaredFreeze).default([]),
      /** Whether those that are not declared are deleted. */
      prune: z.boolean().default(false),
      dryRun: z.boolean().default(false),
    }),
    response: z.object({ changes: z.array(change) }),
    errors: ['request.invalid', 'resource.conflict'],
  }),
}

export type NewRollout = z.output<typeof newRollout>
