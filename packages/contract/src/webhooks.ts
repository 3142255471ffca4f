import { z } from 'zod'
import { epochMs } from './names.ts'
import { route } from './route.ts'

const delivery = z.object({
  id: z.string(),
  /** As `MODEL_VERSION CREATED`. */
  event: z.string(),
  /** What is sent, exactly. */
  body: z.string(),
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.int(),
  nextAt: epochMs.nullable(),
  responseStatus: z.int().nullable(),
  /** What the receiver answered, or why there was no answer. */
  message: z.string().nullable(),
  createdAt: epochMs,
  sentAt: epochMs.nullable(),
})

const tag = 'Webhooks'
const byId = z.object({ id: z.string() })

/** Webhooks are made through MLflow's routes; these tell what became of their deliveries. */
export const webhooks = {
  listDeliveries: route({
    method: 'GET',
    path: '/api/webhooks/:id/deliveries',
    role: 'viewer',
    tag,
    summary: 'What was sent to a webhook, newest first; kept for 30 days',
    params: byId,
    query: z.object({
      before: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    }),
    response: z.object({ items: z.array(delivery) }),
    errors: ['resource.not_found'],
  }),
  redeliver: route({
    method: 'POST',
    path: '/api/webhooks/:id/deliveries/:deliveryId/redeliver',
    role: 'operator',
    tag,
    summary: 'Send a delivery again, under its own id',
    params: byId.extend({ deliveryId: z.string() }),
    response: delivery,
    errors: ['resource.not_found'],
  }),
}
