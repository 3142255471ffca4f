import { plain, type HttpMessage } from './envelope.ts'
import type { ReceiverRow } from './store.ts'

/** Where PagerDuty takes events of its Events API v2. */
export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue'

/** PagerDuty refuses longer summaries. */
const LONGEST_SUMMARY = 1_024

type PagerDutyEvent = Readonly<{
  action: 'trigger' | 'resolve'
  /** One incident per key, however often it is triggered. */
  key: string
  severity: 'critical' | 'error' | 'warning' | 'info'
  summary: string
  source: string
  group: string
  kind: string
  at: number
  details: object
}>

/** An event of the Events API v2: opens an incident, adds to the one that is open, or resolves it. */
export function pagerDutyEvent(receiver: ReceiverRow, event: PagerDutyEvent): HttpMessage {
  const { action, key, severity, source, group, kind, details } = event
  return plain(receiver.url, {
    routing_key: receiver.secret,
    event_action: action,
    dedup_key: key,
    client: 'Trestle',
    payload: {
      summary: event.summary.slice(0, LONGEST_SUMMARY),
      severity,
      source,
      component: source,
      group,
      class: kind,
      timestamp: new Date(event.at).toISOString(),
      custom_details: details,
    },
  })
}

/** A change event: shown beside incidents, wakes nobody. */
export const pagerDutyChange = (
  receiver: ReceiverRow,
  change: Pick<PagerDutyEvent, 'summary' | 'source' | 'at' | 'details'>
): HttpMessage =>
  plain(receiver.url.replace(/\/v2\/enqueue$/, '/v2/change/enqueue'), {
    routing_key: receiver.secret,
    payload: {
      summary: change.summary.slice(0, LONGEST_SUMMARY),
      source: change.source,
      timestamp: new Date(change.at).toISOString(),
      custom_details: change.details,
    },
  })
