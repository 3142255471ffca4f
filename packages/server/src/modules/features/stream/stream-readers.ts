import type { StreamState } from '@trestle/contract'
import type { Kafka } from '../../../platform/kafka/index.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { Catalog } from '../definitions/catalog.ts'
import type { ViewRecord } from '../definitions/model.ts'
import type { OfflineLog } from '../offline/offline-log.ts'
import type { Push } from '../push.ts'
import { startStreamReader, type StreamReader } from './stream-reader.ts'

/** A reader for the topic of every view that has one, in its newest version. */
export function createStreamReaders(deps: {
  /** Null: no broker is known. */
  kafka: Kafka | null
  catalog: Catalog
  log: OfflineLog
  push: Push
  nowUs: () => number
  logger: Logger
}) {
  const { kafka, catalog, log } = deps
  const readers = new Map<string, StreamReader>()
  let readersOf = -1
  const idOf = (view: ViewRecord): string =>
    JSON.stringify([view.project, view.name, view.version, view.storageId, view.stream])

  return {
    /** Begins and ends readers so that they are those of what is declared now. */
    async follow(): Promise<void> {
      if (kafka === null || readersOf === catalog.generation()) return
      readersOf = catalog.generation()
      const wanted = new Map(
        [...catalog.projects()]
          .flatMap((project) => [...catalog.of(project).views.values()])
          .flatMap((versions) => versions.at(-1) ?? [])
          .flatMap((view) => (view.stream === null ? [] : [[idOf(view), view] as const]))
      )
      const over = [...readers].filter(([id]) => !wanted.has(id))
      for (const [id] of over) readers.delete(id)
      await Promise.all(over.map(([, reader]) => reader.stop()))
      for (const [id, view] of wanted) {
        const { project, stream } = view
        if (stream === null || readers.has(id)) continue
        const target = { project, view, stream, storage: catalog.storageOf(view) }
        readers.set(id, startStreamReader({ ...deps, kafka, target }))
      }
    },
    /** How the view's topic is read; null for a view without one. */
    state(view: ViewRecord): StreamState | null {
      if (view.stream === null) return null
      const reader = readers.get(idOf(view))
      const { rejected, lastRejected } = log.streamFacts(view.storageId)
      const why = kafka === null ? 'the server has no broker: set KAFKA_BROKERS' : null
      return {
        state: kafka === null ? 'off' : (reader?.state ?? 'starting'),
        error: reader?.error ?? why,
        rejected,
        lastRejected,
      }
    },
    async stop(): Promise<void> {
      readersOf = Infinity
      const all = [...readers.values()]
      readers.clear()
      await Promise.all(all.map((reader) => reader.stop()))
    },
  }
}
export type StreamReaders = ReturnType<typeof createStreamReaders>
