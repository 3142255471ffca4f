import { z } from 'zod'
import { epochMs, nothing } from './names.ts'
import { route } from './route.ts'

const kind = z.enum(['alias', 'stage'])

/** What a version must pass before it takes a guarded alias or stage. */
export const guardRule = z.strictObject({
  /** How many reviewers must approve. The one who asked is not one of them. */
  approvals: z.int().min(0).max(20).default(1),
  /** Who may review; empty: every operator. */
  reviewers: z.array(z.string().min(1).max(200)).max(100).default([]),
  metrics: z
    .array(
      z.strictObject({
        metric: z.string().min(1).max(250),
        higherIsBetter: z.boolean().default(true),
        /** The least good value, whatever is there now. */
        bound: z.number().nullable().default(null),
        /** By how much it may be worse than the version that is there now. 0: not at all. */
        worsening: z.number().min(0).nullable().default(null),
      })
    )
    .max(50)
    .default([]),
  /** Callers of the version that is there now must be able to call the new one. */
  signatureCompatible: z.boolean().default(false),
  /** The version's tag `trestle.drift_report` must name a report. */
  driftReport: z.boolean().default(false),
})
export type GuardRule = z.output<typeof guardRule>

const guard = z.object({
  kind,
  target: z.string(),
  rule: guardRule,
  by: z.string(),
  updatedAt: epochMs,
})

const check = z.object({ name: z.string(), passed: z.boolean(), detail: z.string() })
export type ApprovalCheck = z.infer<typeof check>

const approval = z.object({
  id: z.string(),
  model: z.string(),
  version: z.int(),
  kind,
  target: z.string(),
  /** `approved`: it may move, and a rollout is moving it; `applied`: it has moved. */
  state: z.enum(['open', 'approved', 'applied', 'rejected', 'withdrawn']),
  comment: z.string(),
  checks: z.array(check),
  requestedBy: z.string(),
  requestedAt: epochMs,
  closedAt: epochMs.nullable(),
  reviews: z.array(
    z.object({
      reviewer: z.string(),
      verdict: z.enum(['approved', 'rejected']),
      comment: z.string(),
      at: epochMs,
    })
  ),
  /** What is still missing before it may move; empty when nothing is. */
  missing: z.array(z.string()),
})
export type Approval = z.infer<typeof approval>

const tag = 'Registry'
const byName = z.object({ name: z.string() })
const place = byName.extend({ kind, target: z.string().min(1).max(255) })
const one = byName.extend({ id: z.string() })
const notFound = ['registry.model_not_found'] as const
const comment = z.string().max(5_000).default('')

export const governance = {
  listGuards: route({
    method: 'GET',
    path: '/api/models/:name/guards',
    role: 'viewer',
    tag,
    summary: 'The aliases and stages of a model that need approval',
    params: byName,
    response: z.object({ items: z.array(guard) }),
    errors: notFound,
  }),
  setGuard: route({
    method: 'PUT',
    path: '/api/models/:name/guards/:kind/:target',
    role: 'admin',
    tag,
    summary: 'Guard an alias or stage: versions take it by approval alone',
    params: place,
    body: guardRule,
    response: guard,
    errors: notFound,
  }),
  deleteGuard: route({
    method: 'DELETE',
    path: '/api/models/:name/guards/:kind/:target',
    role: 'admin',
    tag,
    summary: 'Lift a guard',
    params: place,
    response: nothing,
    errors: notFound,
  }),
  requestApproval: route({
    method: 'POST',
    path: '/api/models/:name/approvals',
    role: 'operator',
    tag,
    summary: 'Ask that a version may take a guarded alias or stage',
    params: byName,
    body: z.strictObject({
      version: z.int().positive(),
      kind,
      target: z.string().min(1).max(255),
      comment,
    }),
    response: approval,
    errors: [...notFound, 'registry.version_not_found'],
  }),
  listApprovals: route({
    method: 'GET',
    path: '/api/models/:name/approvals',
    role: 'viewer',
    tag,
    summary: 'Requests for approval of a model with their reviews, newest first; kept for ever',
    params: byName,
    query: z.object({
      before: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    }),
    response: z.object({ items: z.array(approval) }),
    errors: notFound,
  }),
  reviewApproval: route({
    method: 'POST',
    path: '/api/models/:name/approvals/:id/reviews',
    role: 'operator',
    tag,
    summary: 'Approve or reject a request; with the last approval the version moves',
    params: one,
    body: z.strictObject({ verdict: z.enum(['approved', 'rejected']), comment }),
    response: approval,
    errors: [...notFound, 'registry.approval_not_found', 'resource.conflict', 'auth.forbidden'],
  }),
  withdrawApproval: route({
    method: 'DELETE',
    path: '/api/models/:name/approvals/:id',
    role: 'operator',
    tag,
    summary: 'Withdraw a request',
    params: one,
    response: approval,
    errors: [...notFound, 'registry.approval_not_found', 'resource.conflict'],
  }),
  getHolders: route({
    method: 'GET',
    path: '/api/models/:name/holders',
    role: 'viewer',
    tag,
    summary: 'Which versions had which alias and stage at an instant',
    params: byName,
    query: z.object({
      /** Epoch milliseconds; now when left out. */
      at: z.coerce.number().int().min(0).optional(),
    }),
    response: z.object({
      at: epochMs,
      aliases: z.record(z.string(), z.int()),
      stages: z.record(z.string(), z.array(z.int())),
    }),
    errors: notFound,
  }),
}
