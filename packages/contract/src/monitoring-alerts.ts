import { z } from 'zod'
import { epochMs, name } from './names.ts'

export const alert = z.object({
  id: z.string(),
  /** The same for the same trouble: a second report of it is not a second alert. */
  fingerprint: z.string(),
  kind: z.enum(['drift', 'quality']),
  severity: z.enum(['ticket', 'page']),
  state: z.enum(['firing', 'resolved']),
  endpoint: z.string(),
  monitor: z.string(),
  title: z.string(),
  summary: z.string(),
  /** Worst first. */
  columns: z.array(z.string()),
  reportId: z.string().nullable(),
  isSilenced: z.boolean(),
  startsAt: epochMs,
  lastSeenAt: epochMs,
  endsAt: epochMs.nullable(),
})
export type Alert = z.infer<typeof alert>

export const silence = z.object({
  id: z.string(),
  /** Null matches all. */
  endpoint: z.string().nullable(),
  monitor: z.string().nullable(),
  comment: z.string(),
  createdBy: z.string(),
  startsAt: epochMs,
  endsAt: epochMs,
})
export type Silence = z.infer<typeof silence>

export const silenceInput = z.strictObject({
  endpoint: name.nullable().default(null),
  monitor: name.nullable().default(null),
  comment: z.string().max(2_000).default(''),
  endsAt: epochMs,
})

export const receiverInput = z.strictObject({
  name,
  kind: z.enum(['webhook', 'slack', 'alertmanager']),
  url: z.url({ protocol: /^https?$/ }),
  /** Signs webhook bodies: header `x-trestle-signature: t=<seconds>,v1=<hex HMAC-SHA256 of "<seconds>.<body>">`. */
  secret: z.string().min(16).nullable().default(null),
})

export const receiver = z.object({
  name: z.string(),
  kind: receiverInput.shape.kind,
  url: z.string(),
  hasSecret: z.boolean(),
  createdAt: epochMs,
})
export type Receiver = z.infer<typeof receiver>

/** Something that happened, told once: a rollout's end, a budget spent. */
export const notice = z.object({
  id: z.string(),
  kind: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  subject: z.string(),
  title: z.string(),
  text: z.string(),
  /** A path of the console. */
  link: z.string().nullable(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable()),
  at: epochMs,
  deliveries: z.array(
    z.object({
      receiver: z.string(),
      state: z.enum(['pending', 'delivered', 'failed']),
      attempts: z.int(),
      nextAttemptAt: epochMs.nullable(),
      lastError: z.string().nullable(),
      deliveredAt: epochMs.nullable(),
    })
  ),
})

export const delivery = z.object({
  id: z.string(),
  alertId: z.string(),
  receiver: z.string(),
  event: z.enum(['firing', 'resolved']),
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.int(),
  nextAttemptAt: epochMs.nullable(),
  lastError: z.string().nullable(),
  createdAt: epochMs,
  deliveredAt: epochMs.nullable(),
})
export type Delivery = z.infer<typeof delivery>
