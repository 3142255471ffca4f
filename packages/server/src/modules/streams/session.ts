import { messageOf } from '../../kernel/errors.ts'
import { pause } from '../../kernel/pause.ts'
import { lastPerPartition, recordBatches, type Kafka } from '../../platform/kafka/index.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Serving } from '../serving/index.ts'
import { lagOf } from './lag.ts'
import { groupOf, scoreRecords } from './score-records.ts'
import type { StreamRecord } from './store.ts'
import type { StreamMeter } from './stream-metrics.ts'

export type SessionState = 'starting' | 'running' | 'waiting' | 'paused'

/** One stream at work in this process. */
export interface Session {
  readonly state: SessionState
  readonly error: string | null
  readonly scored: number
  readonly deadLettered: number
  /** Records that wait in the partitions which are read here; null while none is. */
  readonly lag: number | null
  stop(): Promise<void>
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000
const LOOK_EVERY_MS = 2_000

/**
 * Reads a topic as a member of the stream's group and writes what it scored, the dead letters and the offsets in one transaction per micro-batch:
 * who reads committed records sees each of them once. Whatever goes wrong ends the transaction unmade; the session then waits, joins anew and goes on
 * from the last commit.
 */
export function startSession(deps: {
  kafka: Kafka
  predict: Serving['predictJson']
  log: Logger
  meter: StreamMeter
  stream: StreamRecord
  /** Names this process to the brokers: whoever comes back with it ends the transaction that it left behind. */
  member: string
}): Session {
  const { kafka, stream, meter, log } = deps
  const stopping = new AbortController()
  const isStopping = (): boolean => stopping.signal.aborted
  const session = {
    state: 'starting' as SessionState,
    error: null as string | null,
    scored: 0,
    deadLettered: 0,
    lag: null as number | null,
  }

  const serve = async (): Promise<void> => {
    const producer = await kafka.producer({
      transactionalId: `trestle.${stream.project}.${stream.name}.${deps.member}`,
    })
    const consumer = await kafka.consumer({ groupId: groupOf(stream) })
    let looking: { stop: () => void } | null = null
    try {
      const { declared } = stream
      // Ends what an earlier life of this process left open, before offsets are read.
      await (await producer.beginTransaction()).cancel()
      const records = await consumer.consume({
        topics: [declared.input],
        mode: 'committed',
        fallbackMode: 'earliest',
      })
      session.state = 'running'
      const done = new Map<number, bigint>()
      looking = lookAgain(
        () => lagOf(consumer, declared.input, { done, committed: records.offsetsCommitted }),
        (lag) => {
          session.lag = [...lag.values()].reduce((sum, one) => sum + one, 0)
          meter.lag(lag)
        }
      )
      for await (const batch of recordBatches(records, { ...declared, signal: stopping.signal })) {
        const { written, scored, deadLettered } = await scoreRecords(deps.predict, stream, batch)
        const transaction = await producer.beginTransaction()
        try {
          await transaction.send({ messages: written })
          await transaction.addConsumer(consumer)
          for (const last of lastPerPartition(batch)) await transaction.addOffset(last)
          await transaction.commit()
        } catch (error) {
          await transaction.abort().catch(() => undefined)
          throw error
        }
        for (const last of lastPerPartition(batch)) done.set(last.partition, last.offset + 1n)
        session.scored += scored
        session.deadLettered += deadLettered
        session.error = null
        meter.batch(batch, { scored, deadLettered })
      }
    } finally {
      looking?.stop()
      session.lag = null
      meter.lag(new Map())
      await Promise.allSettled([consumer.close(true), producer.close(true)])
    }
  }

  const running = (async () => {
    let waitMs = FIRST_WAIT_MS
    while (!isStopping()) {
      const before = session.scored
      try {
        await serve()
      } catch (error) {
        if (isStopping()) return
        session.state = 'waiting'
        session.error = messageOf(error)
        log.warn({ err: error, stream: stream.name }, 'a stream waits')
      }
      waitMs = session.scored > before ? FIRST_WAIT_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS)
      await pause(waitMs, stopping.signal)
    }
  })()

  return {
    get state() {
      return session.state
    },
    get error() {
      return session.error
    },
    get scored() {
      return session.scored
    },
    get lag() {
      return session.lag
    },
    get deadLettered() {
      return session.deadLettered
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** Looks every so often and tells what it saw, until it is stopped; a look that fails is left out. */
function lookAgain<T>(look: () => Promise<T>, tell: (seen: T) => void): { stop: () => void } {
  const stopping = new AbortController()
  const { signal } = stopping
  const again = async (): Promise<void> => {
    await pause(LOOK_EVERY_MS, signal)
    if (signal.aborted) return
    await look().then(
      (seen) => {
        if (!signal.aborted) tell(seen)
      },
      () => undefined
    )
    void again()
  }
  void again()
  return { stop: () => stopping.abort() }
}
