import type { Clock } from '../../kernel/clock.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import type { PriceBook } from './llm/price-book.ts'
import { createSavingsMeter, toSavings } from './llm/savings.ts'
import { createTokenMeter, toTokenRows } from './llm/token-rows.ts'
import type { CapacityRow, CostStore } from './store.ts'
import { hourOf, HOUR_MS } from '../../kernel/hour.ts'
import { createMeter, toUsage, type Device } from './usage.ts'

/** The part of the inference log that the ledger reads. */
export interface UsageSource {
  logId(): string
  readonly logged: {
    subscribe(
      listener: (entry: { sequence: number | null; event: InferenceCompleted }) => void
    ): () => void
  }
  replay(after: number): AsyncIterable<{ sequence: number | null; event: InferenceCompleted }>
  holdBack(reader: string, cursor: () => number): void
  flush(): Promise<void>
}

/** Without predictions, only the time that capacity stood ready is booked, this often. */
const IDLE_BOOK_MS = 15_000

/**
 * Books every logged prediction exactly once. Usage is summed in memory and booked together with the log's sequence number, in one transaction; after a
 * crash the rest is read again from the log. What the log itself could not take is booked while the process lives, and lost with it.
 */
export function createLedger(deps: {
  store: CostStore
  source: UsageSource
  clock: Clock
  /** Units of each device that are paid for while this process runs. */
  units: () => Promise<Readonly<Partial<Record<Device, number>>>>
  /** The prices of LLM calls. */
  prices: () => Promise<PriceBook>
}) {
  const { store, source, clock } = deps
  const meter = createMeter()
  const tokens = createTokenMeter()
  const savings = createSavingsMeter()
  /** LLM calls that wait for the prices to be read. */
  const unpriced: InferenceCompleted[] = []
  let booked = 0
  let read = 0
  let measuredAt = 0
  let unsubscribe: (() => void) | null = null
  let booking: Promise<void> | null = null

  const take = (entry: { sequence: number | null; event: InferenceCompleted }): void => {
    if (entry.sequence !== null) {
      if (entry.sequence <= read) return
      read = entry.sequence
    }
    const { event } = entry
    if (event.llm != null) unpriced.push(event)
    if (event.llm == null || event.llm.billing === 'time') meter.add(toUsage(event))
  }

  async function capacitySince(from: number, to: number): Promise<CapacityRow[]> {
    const units = await deps.units()
    return (['cpu', 'gpu', 'remote'] as const).flatMap((device) => {
      const count = units[device]
      return count === undefined ? [] : splitByHour(device, count, { from, to })
    })
  }

  async function book(): Promise<void> {
    const now = clock.now()
    const isIdle = read === booked && meter.isEmpty() && unpriced.length === 0
    if (isIdle && now - measuredAt < IDLE_BOOK_MS) return
    const capacity = await capacitySince(measuredAt, now)
    const book = unpriced.length > 0 ? await deps.prices() : null
    // From here to the write nothing waits: what is taken is what was read up to `to`.
    if (book !== null)
      for (const event of unpriced.splice(0))
        if (event.llm != null) {
          for (const row of toTokenRows(event, event.llm, book)) tokens.add(row)
          const saved = toSavings(event, event.llm, book)
          if (saved !== null) savings.add(saved)
        }
    const usage = meter.take()
    const tokenRows = tokens.take()
    const saved = savings.take()
    const to = read
    try {
      const cursor = { logId: source.logId(), from: booked, to }
      if (!(await store.book({ cursor, usage, capacity, tokens: tokenRows, savings: saved })))
        throw new Error('The cost ledger was booked by another process of the same log')
      booked = to
      measuredAt = now
    } catch (error) {
      // For the next try.
      for (const row of usage) meter.add(row)
      for (const row of tokenRows) tokens.add(row)
      for (const row of saved) savings.add(row)
      throw error
    }
  }

  const flush = (): Promise<void> =>
    (booking ??= book().finally(() => {
      booking = null
    }))

  source.holdBack('cost-ledger', () => booked)
  return {
    async start(): Promise<void> {
      if (unsubscribe !== null) return
      booked = await store.cursor(source.logId())
      read = booked
      measuredAt = clock.now()
      // Listen first: what is logged during the replay is then either replayed or told, and `read` keeps it from counting twice.
      const early: { sequence: number | null; event: InferenceCompleted }[] = []
      let isReplayed = false
      unsubscribe = source.logged.subscribe((entry) => {
        if (isReplayed) take(entry)
        else early.push(entry)
      })
      for await (const entry of source.replay(booked)) take(entry)
      isReplayed = true
      early.forEach(take)
    },
    /** Books what was read so far. */
    flush,
    async stop(): Promise<void> {
      if (unsubscribe === null) return
      await source.flush()
      unsubscribe()
      unsubscribe = null
      await flush()
      await flush() // the first may have been one that began before the last events came
    },
  }
}
export type Ledger = ReturnType<typeof createLedger>

function splitByHour(
  device: Device,
  units: number,
  span: { from: number; to: number }
): CapacityRow[] {
  const rows: CapacityRow[] = []
  for (let at = span.from; at < span.to;) {
    const end = Math.min(span.to, hourOf(at) + HOUR_MS)
    rows.push({ hour: hourOf(at), device, available_us: (end - at) * 1_000 * units })
    at = end
  }
  return rows
}
