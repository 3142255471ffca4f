import { z } from 'zod'
import { epochMs, name } from './names.ts'

/** What a firing alert does to its endpoint: ends the running rollout; or that, or else takes the last promotion back. */
export const alertAction = z.strictObject({ do: z.enum(['abort-rollout', 'roll-back']) })
export type AlertAction = z.infer<typeof alertAction>['do']

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
  /** What it was to do when it began to fire, and what came of it. */
  actions: z.array(
    alertAction.extend({
      state: z.enum(['pending', 'done', 'skipped', 'failed']),
      outcome: z.string().nullable(),
      at: epochMs.nullable(),
    })
  ),
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
  kind: z.enum(['webhook', 'slack', 'pagerduty', 'email', 'alertmanager']),
  /** Where to send. E-mail: `smtp://user@host:587`, or `smtps://` for TLS from the start. PagerDuty may leave it out: its own address is known. */
  url: z.url({ protocol: /^(https?|smtps?)$/ }).exactOptional(),
  /**
   * Webhook, 16 characters or more: signs bodies, header `x-trestle-signature: t=<seconds>,v1=<hex HMAC-SHA256 of "<seconds>.<body>">`.
   * PagerDuty: the routing key of an Events API v2 integration. E-mail: the password. Never shown again.
   */
  secret: z.string().min(1).max(500).nullable().default(null),
  /** Who an e-mail is from and to; null for the other kinds. */
  mail: z
    .strictObject({ from: z.email(), to: z.array(z.email()).min(1).max(20) })
    .nullable()
    .default(null),
})

export type ReceiverInput = z.output<typeof receiverInput>

export const receiver = z.object({
  name: z.string(),
  kind: receiverInput.shape.kind,
  url: z.string(),
  hasSecret: z.boolean(),
  mail: receiverInput.shape.mail.unwrap(),
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
