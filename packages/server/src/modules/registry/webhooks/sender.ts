import { isIP } from 'node:net'
import type { Agent } from 'undici'
import { messageOf } from '../../../kernel/errors.ts'
import { isPrivateAddress, lookupPublic } from './private-addresses.ts'
import { signatureOf } from './signature.ts'
import type { WebhookRow } from './webhook-store.ts'

const TIMEOUT_MS = 30_000
const SHOWN = 2_000

export type SendOutcome = Readonly<{ status: number | null; body: string; error: string | null }>

/** Sends one delivery. Never throws: what went wrong is in the outcome. */
export type SendWebhook = (
  webhook: Pick<WebhookRow, 'url' | 'secret'>,
  delivery: { id: string; body: string },
  at: { now: number; signal: AbortSignal }
) => Promise<SendOutcome>

/** `allowPrivate`: whether addresses inside the network may be called. Where others can reach this server, they must not. */
export function createSender(options: { allowPrivate: boolean }): SendWebhook {
  let agent: Agent | null = null
  return async (webhook, delivery, { now, signal }) => {
    const timestamp = String(Math.floor(now / 1_000))
    try {
      const { Agent, request } = await import('undici')
      agent ??= new Agent(options.allowPrivate ? {} : { connect: { lookup: lookupPublic } })
      const host = new URL(webhook.url).hostname.replace(/^\[|\]$/g, '')
      if (!options.allowPrivate && isIP(host) !== 0 && isPrivateAddress(host))
        throw new Error(`${host} is no public address`)
      // Redirects are not followed: one could lead where the address itself may not.
      const { statusCode, body } = await request(webhook.url, {
        dispatcher: agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-mlflow-delivery-id': delivery.id,
          'x-mlflow-timestamp': timestamp,
          ...(webhook.secret === null
            ? {}
            : { 'x-mlflow-signature': signatureOf(webhook.secret, { ...delivery, timestamp }) }),
        },
        body: delivery.body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      return { status: statusCode, body: await firstOf(body), error: null }
    } catch (error) {
      return { status: null, body: '', error: messageOf(error) }
    }
  }
}

async function firstOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length >= SHOWN) break // leaving the loop cancels the rest
  }
  return text.slice(0, SHOWN).replaceAll('\0', '')
}
