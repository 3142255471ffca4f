import type { Clock } from '../../kernel/clock.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import type { CapacityRow, CostStore } from './store.ts'
import { createMeter, hourOf, HOUR_MS, toUsage, type Device } from './usage.ts'

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
}) {
  const { store, source, clock } = deps
  const meter = createMeter()
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
    meter.add(toUsage(entry.event))
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
    if (read === booked && meter.isEmpty() && now - measuredAt < IDLE_BOOK_MS) return
    const capacity = await capacitySince(measuredAt, now)
    const usage = meter.take()
    const to = read
    try {
      const cursor = { logId: source.logId(), from: booked, to }
      if (!(await store.book({ cursor, usage, capacity })))
        throw new Error('The cost ledger was booked by another process of the same log')
      booked = to
      measuredAt = now
    } catch (error) {
      for (const row of usage) meter.add(row) // for the next try
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
