import type { Clock } from '../../../kernel/clock.ts'
import { sortableId } from '../../../kernel/ids.ts'
import { attempt, RECEIVER_GONE } from '../alerts/attempt.ts'
import type { Send } from '../alerts/send.ts'
import type { ReceiverRow } from '../alerts/store.ts'
import { noticeMessage } from './message.ts'
import type { NoticeDeliveryRow, NoticeStore } from './store.ts'

/** Something that happened and that people want to be told of once. Unlike an alert it does not last. */
export type Notice = Readonly<{
  project: string
  /** What part of Trestle speaks: `rollout`, `budget`, `batch-job`. */
  kind: string
  severity: 'info' | 'warning' | 'critical'
  /** What it is about, such as an endpoint. */
  subject: string
  title: string
  text: string
  /** Where to look, as a path of the console. */
  link: string | null
  details: Readonly<Record<string, string | number | boolean | null>>
  at: number
}>

const DELIVERIES_A_TURN = 50

/** Tells every receiver of the project, each at least once or recorded as failed. Written down before it returns. */
export function createNotices(deps: {
  store: NoticeStore
  receivers: (project: string) => Promise<readonly ReceiverRow[]>
  clock: Clock
  send: Send
}) {
  const { store, clock } = deps

  async function deliver(delivery: NoticeDeliveryRow, signal: AbortSignal): Promise<void> {
    const notice = await store.find(delivery.notice_id)
    const receivers = await deps.receivers(delivery.project)
    const receiver = receivers.find(({ name }) => name === delivery.receiver)
    if (notice === undefined || receiver === undefined) {
      await store.updateDelivery(delivery.id, RECEIVER_GONE)
      return
    }
    const outcome = await attempt(delivery, clock, (now) =>
      deps.send(noticeMessage(receiver, notice, { now, deliveryId: delivery.id }), signal)
    )
    await store.updateDelivery(delivery.id, outcome)
  }

  return {
    async notify(notice: Notice): Promise<void> {
      const now = clock.now()
      const id = sortableId('not', now)
      const receivers = await deps.receivers(notice.project)
      const { details, ...said } = notice
      await store.insert(
        { ...said, id, details_json: JSON.stringify(details) },
        receivers.map((receiver) => ({
          id: sortableId('ndl', now),
          project: notice.project,
          notice_id: id,
          receiver: receiver.name,
          state: 'pending',
          attempts: 0,
          next_attempt_at: now,
          last_error: null,
          created_at: now,
          delivered_at: null,
        }))
      )
    },
    /** One turn of the scheduler. Every try has 10 seconds. */
    async deliverDue(signal: AbortSignal): Promise<void> {
      for (const delivery of await store.due(clock.now(), DELIVERIES_A_TURN)) {
        if (signal.aborted) return
        await deliver(delivery, AbortSignal.any([signal, AbortSignal.timeout(10_000)]))
      }
    },
  }
}
