import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as yieldTurn } from 'node:timers/promises'
import type { Clock } from '../../../kernel/clock.ts'
import { valuesIn, type LogRecord } from './record.ts'
import { toBlocks } from './record-block.ts'
import { firstOfName, frame, readSegment, segmentName, type Segment } from './segment.ts'

export type WriteAheadLimits = Readonly<{
  /** How long an event waits in memory at most before its write begins. With the write itself this stays within 100 ms on a healthy disk. */
  commitEveryMs: number
  /** Events that may wait for the disk; beyond it new ones are dropped and counted. */
  maxPendingEvents: number
  /** Values (rows times columns) that may wait for the disk. */
  maxPendingValues: number
  /** A segment is sealed at this size … */
  segmentBytes: number
  /** … or at this age. */
  segmentAgeMs: number
}>

export const DEFAULT_LIMITS: WriteAheadLimits = {
  commitEveryMs: 40,
  maxPendingEvents: 50_000,
  maxPendingValues: 5_000_000,
  segmentBytes: 8 * 1024 * 1024,
  segmentAgeMs: 60_000,
}

/** A bad disk is asked again this often. */
const RETRY_MS = 500

/** Records that are encoded, or told of, without letting predictions be answered in between. */
const RECORDS_PER_TURN = 250

export type Committed = Readonly<{ sequence: number; record: LogRecord }>

/**
 * Records on disk, in order. `append` only touches memory; a commit writes what waits and syncs it, so that a crash loses at most the last 100 ms.
 * A new start writes a new segment: what an earlier process tore stays at the end of its own file.
 */
export function createWriteAheadLog(deps: {
  directory: string
  clock: Clock
  limits: WriteAheadLimits
  onCommitted: (batch: readonly Committed[]) => void
  onDropped: (record: LogRecord) => void
  onError: (error: unknown) => void
}) {
  const { limits, clock } = deps
  let pending: LogRecord[] = []
  let pendingValues = 0
  let timer: NodeJS.Timeout | null = null
  let committing: Promise<void> | null = null
  let active: (Segment & { handle: FileHandle; bytes: number; openedAt: number }) | null = null
  let sealed: Segment[] = []
  let next = 1
  let dropped = 0
  let isClosed = false

  const arm = (delayMs: number): void => {
    if (timer !== null || isClosed) return
    timer = setTimeout(() => {
      timer = null
      void commit()
    }, delayMs)
  }

  const commit = (): Promise<void> =>
    (committing ??= commitPending().finally(() => {
      committing = null
    }))

  async function commitPending(): Promise<void> {
    const batch = pending.slice() // what comes meanwhile waits for its own turn, or a busy server would sync without pause
    if (batch.length === 0) return
    let written: LogRecord[]
    try {
      written = await write(batch)
    } catch (error) {
      deps.onError(error)
      await abandonSegment()
      arm(RETRY_MS)
      return
    }
    pending = pending.slice(batch.length)
    for (const record of batch) pendingValues -= valuesIn(record)
    for (const part of partsOf(written)) {
      const first = next
      next += part.length
      deps.onCommitted(part.map((record, i) => ({ sequence: first + i, record })))
      await yieldTurn()
    }
    if (active !== null && active.bytes >= limits.segmentBytes) await sealNow()
    if (pending.length > 0) arm(limits.commitEveryMs)
  }

  /** Returns the records in the order in which they were written. */
  async function write(batch: readonly LogRecord[]): Promise<LogRecord[]> {
    active ??= await openSegment()
    const written: LogRecord[] = []
    let bytes = 0
    for (const part of partsOf(batch)) {
      const blocks = toBlocks(part)
      written.push(...blocks.flat())
      const lines = Buffer.from(blocks.map(frame).join(''))
      await active.handle.appendFile(lines) // lets predictions be answered, too
      bytes += lines.byteLength
    }
    await active.handle.datasync()
    active.bytes += bytes
    return written
  }

  async function openSegment() {
    const path = join(deps.directory, segmentName(next))
    const handle = await open(path, 'w')
    return { first: next, path, handle, bytes: 0, openedAt: clock.now() }
  }

  /** After a failed write: cuts off what may be half there. If even that fails, readers still stop where the next segment begins. */
  async function abandonSegment(): Promise<void> {
    if (active === null) return
    const { handle, bytes, first, path } = active
    active = null
    if (bytes > 0) sealed.push({ first, path })
    await handle.truncate(bytes).catch(deps.onError)
    await handle.close().catch(deps.onError)
  }

  async function sealNow(): Promise<void> {
    if (active === null) return
    const { handle, first, path } = active
    active = null
    sealed.push({ first, path })
    await handle.close()
  }

  const endOf = (segment: Segment): number =>
    [...sealed.map((s) => s.first), active?.first ?? next].find((first) => first > segment.first) ??
    next

  return {
    async open(): Promise<void> {
      await mkdir(deps.directory, { recursive: true })
      const found: Segment[] = []
      for (const name of (await readdir(deps.directory)).toSorted()) {
        const first = firstOfName(name)
        if (first !== null) found.push({ first, path: join(deps.directory, name) })
      }
      const newest = found.at(-1)
      if (newest !== undefined) {
        next = newest.first
        for await (const { sequence } of readSegment(newest, Infinity)) next = sequence + 1
      }
      // An empty newest segment would share its name with the one to come.
      sealed = found.filter((segment) => segment.first < next)
    },
    /** Takes a record into memory. False when it was dropped because the disk cannot keep up. */
    append(record: LogRecord): boolean {
      const size = valuesIn(record)
      if (
        isClosed ||
        pending.length >= limits.maxPendingEvents ||
        pendingValues + size > limits.maxPendingValues
      ) {
        dropped++
        deps.onDropped(record)
        return false
      }
      pending.push(record)
      pendingValues += size
      if (committing === null) arm(limits.commitEveryMs)
      return true
    },
    /** Resolves when all that was appended before is on disk (or the disk refused it). */
    async flush(): Promise<void> {
      await commit()
      if (pending.length > 0) await commit()
    },
    /** Seals the active segment when it is old enough (or `force`), so that it can be turned into Parquet. */
    async seal(force: boolean): Promise<void> {
      await commit()
      if (active === null) return
      if (force || clock.now() - active.openedAt >= limits.segmentAgeMs) await sealNow()
    },
    sealed: (): readonly Segment[] => sealed,
    /** Segments in order, the active one last. */
    segments: (): readonly Segment[] => (active === null ? sealed : [...sealed, active]),
    read: (segment: Segment) => readSegment(segment, endOf(segment)),
    endOf,
    /** Removes a sealed segment. The newest stays: its name carries the sequence over a restart. */
    async remove(segment: Segment): Promise<void> {
      if (active === null && sealed.at(-1) === segment) return
      sealed = sealed.filter((s) => s !== segment)
      await rm(segment.path, { force: true })
    },
    state: () => ({
      pending: pending.length,
      dropped,
      next,
      lastCommitted: next - 1,
    }),
    sizeOnDisk: async () => {
      let bytes = 0
      for (const segment of sealed) bytes += (await stat(segment.path).catch(() => null))?.size ?? 0
      return bytes + (active?.bytes ?? 0)
    },
    async close(): Promise<void> {
      if (isClosed) return
      if (timer !== null) clearTimeout(timer)
      timer = null
      await commit()
      isClosed = true
      await sealNow()
    },
  }
}

function* partsOf(records: readonly LogRecord[]): Generator<LogRecord[]> {
  for (let at = 0; at < records.length; at += RECORDS_PER_TURN)
    yield records.slice(at, at + RECORDS_PER_TURN)
}
