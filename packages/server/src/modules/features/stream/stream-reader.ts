import type { StreamSource } from '@trestle/contract'
import { messageOf } from '../../../kernel/errors.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import { pause } from '../../../kernel/pause.ts'
import { lastPerPartition, recordBatches, type Kafka } from '../../../platform/kafka/index.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { Storage, ViewRecord } from '../definitions/model.ts'
import type { OfflineLog } from '../offline/offline-log.ts'
import type { Push } from '../push.ts'
import { rowsOfRecords } from './stream-rows.ts'

const MAX_ROWS = 2_000
const MAX_WAIT_MS = 100
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000

/** The reading of one view's topic by this process. */
export interface StreamReader {
  readonly state: 'starting' | 'running' | 'waiting'
  /** Why it waits. */
  readonly error: string | null
  stop(): Promise<void>
}

/**
 * Takes in a topic's records like pushes. How far it has come is kept with the rows, in one step, so that after a crash it goes on behind the last row
 * that is on disk: none is lost and none comes twice. Records that do not fit the view are counted and passed over. What goes wrong otherwise is tried
 * again, for ever.
 */
export function startStreamReader(deps: {
  kafka: Kafka
  log: OfflineLog
  push: Push
  nowUs: () => number
  logger: Logger
  target: { project: string; view: ViewRecord; stream: StreamSource; storage: Storage }
}): StreamReader {
  const { kafka, log, target } = deps
  const { view, stream, storage } = target
  const stopping = new AbortController()
  const isStopping = (): boolean => stopping.signal.aborted
  const reader = { state: 'starting' as StreamReader['state'], error: null as string | null }
  let waitMs = FIRST_WAIT_MS

  const read = async (): Promise<void> => {
    // Where to begin is ours to say, so the group is new each time and nobody waits for members that died.
    const consumer = await kafka.consumer({ groupId: `trestle-features-${randomHexId()}` })
    try {
      const records = await consumer.consume({
        topics: [stream.topic],
        mode: 'manual',
        offsets: log
          .offsets(storage.id, stream.topic)
          .map((at) => ({ topic: stream.topic, ...at })),
        fallbackMode: 'earliest',
      })
      reader.state = 'running'
      reader.error = null
      const limits = { maxRows: MAX_ROWS, maxWaitMs: MAX_WAIT_MS, signal: stopping.signal }
      for await (const batch of recordBatches(records, limits)) {
        const { rows, rejected } = rowsOfRecords(batch, { ...target, nowUs: deps.nowUs() })
        await deps.push({
          project: target.project,
          view: view.name,
          to: 'both',
          rows,
          progress: {
            topic: stream.topic,
            offsets: lastPerPartition(batch).map(({ partition, offset }) => ({
              partition,
              offset: offset + 1n,
            })),
            rejected,
          },
        })
        waitMs = FIRST_WAIT_MS
      }
    } finally {
      await consumer.close(true).catch(() => undefined)
    }
  }

  const running = (async () => {
    while (!isStopping()) {
      try {
        await read()
      } catch (error) {
        if (isStopping()) return
        reader.state = 'waiting'
        reader.error = messageOf(error)
        deps.logger.warn({ err: error, view: view.name, topic: stream.topic }, 'a stream waits')
      }
      await pause(waitMs, stopping.signal)
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
    }
  })()

  return {
    get state() {
      return reader.state
    },
    get error() {
      return reader.error
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
