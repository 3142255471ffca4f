/**
 * Streams: a Kafka topic scored into another by an endpoint, with its traffic, features, log and costs. Owns the declared streams and this process's
 * sessions. Invariants: a record's prediction or dead letter and its offset are committed together or not at all; order per key is kept.
 */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { api, type DeclaredStream, type Stream } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import { fail } from '../../platform/errors.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Kafka } from '../../platform/kafka/index.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Serving } from '../serving/index.ts'
import { deadLetterOf, groupOf } from './score-records.ts'
import { startSession, type Session } from './session.ts'
import { createStreamStore, type StreamRecord } from './store.ts'
import { createStreamMetrics } from './stream-metrics.ts'

export { streamMigrations } from './migrations/index.ts'

export interface Streams extends Component {
  routes(app: FastifyInstance): void
}

const FOLLOW_EVERY_MS = 1_000
const FOLLOW = 'streams.follow'

export function createStreams(deps: {
  database: Database
  /** Null: this server has no Kafka, and takes no streams. */
  kafka: Kafka | null
  clock: Clock
  scheduler: Scheduler
  metrics: Registry
  log: Logger
  serving: Pick<Serving, 'predictJson' | 'getEndpoint'>
  dataDir: string
}): Streams {
  const { kafka, clock, scheduler, log, serving } = deps
  const store = createStreamStore(deps.database)
  const sessions = new Map<string, { revision: number; session: Session }>()
  const meterOf = createStreamMetrics(deps.metrics, clock)
  const member = createHash('sha256')
    .update(`${hostname()} ${resolve(deps.dataDir)}`)
    .digest('hex')
    .slice(0, 16)
  const keyOf = (stream: { project: string; name: string }): string =>
    `${stream.project}/${stream.name}`

  const follow = async (): Promise<void> => {
    if (kafka === null) return
    const wanted = new Map((await store.list()).map((stream) => [keyOf(stream), stream]))
    for (const [key, { revision, session }] of sessions) {
      const stream = wanted.get(key)
      if (stream?.revision === revision && !stream.declared.isPaused) continue
      sessions.delete(key)
      await session.stop()
    }
    for (const [key, stream] of wanted) {
      if (stream.declared.isPaused || sessions.has(key)) continue
      const session = startSession({
        kafka,
        predict: (request) => serving.predictJson(request),
        log,
        meter: meterOf(stream),
        stream,
        member,
      })
      sessions.set(key, { revision: stream.revision, session })
    }
  }
  if (kafka !== null) scheduler.every({ name: FOLLOW, intervalMs: FOLLOW_EVERY_MS, work: follow })
  const wake = (): void =>
    void scheduler.trigger(FOLLOW).catch((error: unknown) => log.error({ err: error }, FOLLOW))

  const shown = (stream: StreamRecord): Stream => {
    const session = sessions.get(keyOf(stream))?.session
    return {
      ...stream.declared,
      name: stream.name,
      project: stream.project,
      deadLetter: deadLetterOf(stream),
      group: groupOf(stream),
      state: stream.declared.isPaused ? 'paused' : (session?.state ?? 'starting'),
      error: session?.error ?? null,
      records: { scored: session?.scored ?? 0, deadLettered: session?.deadLettered ?? 0 },
      lag: session?.lag ?? null,
      createdAt: stream.createdAt,
    }
  }
  const found = async (project: string, name: string): Promise<StreamRecord> => {
    const stream = await store.find(project, name)
    if (stream !== null) return stream
    throw fail('streams.stream_not_found', `No stream "${name}"`, { details: { name } })
  }
  const put = async (project: string, name: string, declared: DeclaredStream): Promise<Stream> => {
    const before = await store.find(project, name)
    await store.put({ project, name, declared, createdAt: before?.createdAt ?? clock.now() })
    wake()
    return shown(await found(project, name))
  }
  const setPaused = async (project: string, name: string, isPaused: boolean): Promise<Stream> =>
    put(project, name, { ...(await found(project, name)).declared, isPaused })

  return {
    name: 'streams',
    routes: (app) => {
      bindRoutes(
        app,
        { name: 'streams', routes: api.streams },
        {
          async putStream({ name, ...declared }, { project }) {
            if (kafka === null)
              throw fail('streams.no_kafka', 'Set KAFKA_BROKERS to score Kafka topics')
            if ((await serving.getEndpoint(project, declared.endpoint)) === null)
              throw fail('serving.endpoint_not_found', `No endpoint "${declared.endpoint}"`)
            if (declared.input === declared.output || declared.input === declared.deadLetter)
              throw fail('request.invalid', 'A stream can not write into the topic that it reads')
            return put(project, name, declared)
          },
          listStreams: async (_input, { project }) => ({
            items: (await store.list(project)).map(shown),
          }),
          getStream: async ({ name }, { project }) => shown(await found(project, name)),
          pauseStream: ({ name }, { project }) => setPaused(project, name, true),
          resumeStream: ({ name }, { project }) => setPaused(project, name, false),
          async deleteStream({ name }, { project }) {
            await found(project, name)
            await store.remove(project, name)
            wake()
            return {}
          },
        }
      )
    },
    start: async () => {},
    async stop() {
      await Promise.all([...sessions.values()].map(({ session }) => session.stop()))
      sessions.clear()
    },
  }
}
