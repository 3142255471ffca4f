import { escapeSlack, plain, signed, type Message } from '../alerts/message.ts'
import type { ReceiverRow } from '../alerts/store.ts'
import type { NoticeRow } from './store.ts'

/** A notice is over when it is told: Alertmanager shows it for this long. */
const SHOWN_MS = 15 * 60_000

const MARKS = {
  info: ':information_source:',
  warning: ':warning:',
  critical: ':rotating_light:',
} as const

/** The HTTP request that tells a receiver of a notice. */
export function noticeMessage(
  receiver: ReceiverRow,
  notice: NoticeRow,
  occasion: { now: number; deliveryId: string }
): Message {
  const { id, project, kind, severity, subject, title, text, link, at } = notice
  switch (receiver.kind) {
    case 'webhook': {
      const details = JSON.parse(notice.details_json) as object // written by this module
      const told = { id, project, kind, severity, subject, title, text, link, details, at }
      return signed(
        receiver,
        JSON.stringify({ version: 1, event: `notice.${kind}`, notice: told }),
        occasion
      )
    }
    case 'slack':
      return plain(receiver.url, {
        text: `${MARKS[severity]} *${escapeSlack(title)}*\n${escapeSlack(text)}`,
      })
    case 'alertmanager':
      return plain(`${receiver.url.replace(/\/+$/, '')}/api/v2/alerts`, [
        {
          labels: { alertname: 'TrestleNotice', kind, project, subject, severity, notice: id },
          annotations: { summary: title, description: text },
          startsAt: new Date(at).toISOString(),
          endsAt: new Date(occasion.now + SHOWN_MS).toISOString(),
        },
      ])
  }
}
