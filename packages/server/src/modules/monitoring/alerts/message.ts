import { createHmac } from 'node:crypto'
import type { AlertRow, ReceiverRow } from './store.ts'

/** How long Alertmanager believes a firing alert that is not repeated. It is repeated every minute. */
const ALERTMANAGER_TRUST_MS = 5 * 60_000

export type Message = Readonly<{ url: string; headers: Record<string, string>; body: string }>

/** The HTTP request that tells a receiver of an alert. */
export function toMessage(
  receiver: ReceiverRow,
  alert: AlertRow,
  occasion: { event: 'firing' | 'resolved'; now: number; deliveryId: string }
): Message {
  switch (receiver.kind) {
    case 'webhook':
      return signed(receiver, JSON.stringify(webhookBody(alert, occasion.event)), occasion)
    case 'slack':
      return plain(receiver.url, {
        text: `${occasion.event === 'firing' ? ':rotating_light:' : ':white_check_mark:'} *${escapeSlack(alert.title)}* (${occasion.event})\n${escapeSlack(alert.summary)}`,
      })
    case 'alertmanager':
      return plain(`${receiver.url.replace(/\/+$/, '')}/api/v2/alerts`, [
        alertmanagerAlert(alert, occasion),
      ])
  }
}

function webhookBody(alert: AlertRow, event: 'firing' | 'resolved'): object {
  return {
    version: 1,
    event: `alert.${event}`,
    alert: {
      id: alert.id,
      fingerprint: alert.fingerprint,
      project: alert.project,
      kind: alert.kind,
      severity: alert.severity,
      endpoint: alert.endpoint,
      monitor: alert.monitor,
      title: alert.title,
      summary: alert.summary,
      columns: JSON.parse(alert.columns_json) as string[], // written by this module
      reportId: alert.report_id,
      startsAt: alert.starts_at,
      endsAt: alert.ends_at,
    },
  }
}

/** Prometheus Alertmanager's API v2: labels are the identity, a firing alert says until when it is to be believed. */
function alertmanagerAlert(alert: AlertRow, occasion: { event: string; now: number }): object {
  const endsAt =
    occasion.event === 'resolved'
      ? (alert.ends_at ?? occasion.now)
      : occasion.now + ALERTMANAGER_TRUST_MS
  return {
    labels: {
      alertname: alert.kind === 'drift' ? 'TrestleDrift' : 'TrestleQuality',
      project: alert.project,
      endpoint: alert.endpoint,
      monitor: alert.monitor,
      severity: alert.severity,
    },
    annotations: { summary: alert.title, description: alert.summary },
    startsAt: new Date(alert.starts_at).toISOString(),
    endsAt: new Date(endsAt).toISOString(),
  }
}

/** Signed, when the receiver has a secret. */
export function signed(
  receiver: ReceiverRow,
  body: string,
  occasion: { now: number; deliveryId: string }
): Message {
  const seconds = Math.floor(occasion.now / 1_000)
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    // The same on every try of one delivery, so that a receiver can tell a repeat.
    'x-trestle-delivery': occasion.deliveryId,
  }
  if (receiver.secret !== null)
    headers['x-trestle-signature'] = signatureOf(receiver.secret, seconds, body)
  return { url: receiver.url, headers, body }
}

/** `t=<seconds>,v1=<hex HMAC-SHA256 of "<seconds>.<body>">`: the time is signed too, so that an old message cannot be sent again. */
export function signatureOf(secret: string, seconds: number, body: string): string {
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return `t=${seconds},v1=${mac}`
}

export const plain = (url: string, body: unknown): Message => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

export const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
