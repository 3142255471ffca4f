import { foldEvents } from '../aggregate/state.ts'
import type { AggregateEvent } from '../aggregate/tiles.ts'
import type { Feed } from '../definitions/catalog.ts'
import type { Value } from '../value.ts'
import { NO_CREATED, type OnlineStore, type Watermark } from './online-store.ts'

/** A row on its way online. */
export type FeedRow = Readonly<{
  key: string
  /** The storage's columns, as they are and packed. */
  values: readonly Value[]
  packed: string
  eventUs: number
  createdUs: number | null
  seq: number
}>

/** Brings rows to what online reads need of them, and then keeps the watermark. Rows that come again change nothing. */
export function feedRows(
  online: OnlineStore,
  feed: Feed,
  batch: {
    rows: readonly FeedRow[]
    now: number
    keepMs: number | null
    /** Every row up to this number has been brought before. */
    doneSeq: number
    watermark?: Watermark
  }
): void | Promise<void> {
  const { rows, now, keepMs, doneSeq, watermark } = batch
  const mark = watermark === undefined ? {} : { watermark }
  if (feed.kind === 'rows') return online.write({ storage: feed.id, rows, now, keepMs, ...mark })
  const { plan } = feed
  const events = new Map<string, AggregateEvent[]>()
  for (const row of rows) {
    const event = {
      eventUs: row.eventUs,
      createdUs: row.createdUs ?? NO_CREATED,
      seq: row.seq,
      values: plan.inputs.map(({ at }) => row.values[at] ?? null),
    }
    const known = events.get(row.key)
    if (known === undefined) events.set(row.key, [event])
    else known.push(event)
  }
  return online.update({
    storage: feed.id,
    keys: [...events.keys()],
    change: (key, state) =>
      foldEvents(plan, state, { events: events.get(key) ?? [], nowUs: now * 1000, doneSeq }),
    ...mark,
  })
}
