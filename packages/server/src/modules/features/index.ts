/**
 * The feature store: entities, views, on-demand views and services as declared; their rows, offline in Parquet and online in SQLite or Redis.
 * Invariants: of two rows of an entity the one with the later (event, created, ingest number) wins, online and offline alike; an acknowledged
 * push is on disk; a join gives every entity row once; a value older than its ttl is nobody's.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  sourceName,
  type Consistency,
  type FeatureStatus,
  type FeatureType,
} from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import type { Scalar } from '../../kernel/scalar.ts'
import type { BlobStore, Digest } from '../../platform/blobs/index.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { FeatureInconsistency } from './consistency/checker.ts'
import { createServedLog } from './consistency/served-log.ts'
import { createConsistencyStore } from './consistency/store.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import { createCatalog } from './definitions/catalog.ts'
import { createDefinitionStore } from './definitions/store.ts'
import { createUsage } from './discovery/usage.ts'
import { createFeatureStore, type HistoricalQuery } from './feature-store.ts'
import type { HistoricalRows } from './historical.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { createTransforms } from './on-demand/transforms.ts'
import { createOfflineLog } from './offline/offline-log.ts'
import { createOfflineStore } from './offline/offline-store.ts'
import type { RedisAddress } from './online/redis-address.ts'
import { createRedisOnlineStore } from './online/redis-online-store.ts'
import { createSqliteOnlineStore } from './online/sqlite-online-store.ts'
import { addFeatureRoutes } from './routes.ts'
import { addTrainingFileRoute } from './training-file.ts'
import { createRefreshStore } from './refresh/refresh-store.ts'
import { createRefresher } from './refresh/refresher.ts'
import { createSourceFiles } from './sources/source-files.ts'
import { createSourceRoot } from './sources/source-root.ts'
import { createStreamReaders } from './stream/stream-readers.ts'
import type { Kafka } from '../../platform/kafka/index.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { S3 } from '../../platform/s3/index.ts'
import type { PostgresSources } from '../../platform/postgres-source/index.ts'
import type { Keeper } from '../tracking/index.ts'

export { parseRedisUrl, type RedisAddress } from './online/redis-address.ts'
export { featuresMigrations } from './migrations/index.ts'

const FOLLOW_EVERY_MS = 500
const REFRESH_EVERY_MS = 1_000
const COMPACT_EVERY_MS = 5_000
const CHECK_EVERY_MS = 30_000
const COUNT_EVERY_MS = 60_000
const EXPIRE_EVERY_MS = 600_000

/** Features of entity rows, row by row, in the order of `names`. Event times are epoch milliseconds. */
export type OnlineRows = Readonly<{
  names: readonly string[]
  values: readonly (Scalar | null)[][]
  statuses: readonly FeatureStatus[][]
  eventTimes: readonly (number | null)[][]
}>

export interface Features extends Component {
  routes(app: FastifyInstance): void
  /** Rejects while the online store does not answer. */
  checkReady(): Promise<void>
  /**
   * The newest valid features of entity rows, in request order; without a promise where the store needs none. Throws
   * `features.service_not_found`, and `request.invalid` for a key that is missing or of another type.
   */
  online(request: {
    project: string
    service: string
    rows: readonly Readonly<Record<string, unknown>>[]
  }): OnlineRows | Promise<OnlineRows>
  /** A service as `name@v2`, in its newest version where none is given; as it is where there is none. */
  pinService(project: string, service: string): string
  /** What a service asks for and answers. Throws `features.service_not_found`. */
  serviceSchema(
    project: string,
    service: string
  ): Promise<{
    entities: readonly { key: string; type: FeatureType }[]
    features: readonly { name: string; type: FeatureType }[]
    version: number
  }>
  /** The newest version of every service with the views that it reads, its on-demand views' inputs too. */
  services(project: string): readonly Readonly<{
    name: string
    version: number
    createdAt: number
    views: readonly Readonly<{
      name: string
      version: number
      source: string | null
      createdAt: number
    }>[]
  }>[]
  /** Told of every check that found a served value which was not the one known at its instant. */
  readonly inconsistent: Topic<FeatureInconsistency>
  /** How served values of a service compared with the history since an instant. Throws `features.service_not_found`. */
  consistency(request: {
    project: string
    service: string
    since: number
  }): Promise<readonly Consistency[]>
  /** Keeps the files of training sets from being collected as garbage. */
  readonly keeper: Keeper
  /** The newest training set with this name. */
  trainingSet(project: string, name: string): Promise<{ digest: Digest } | null>
  /** Features as they were at each row's `event_timestamp`. */
  historical(request: HistoricalQuery): Promise<HistoricalRows>
}

export function createFeatures(deps: {
  database: Database
  clock: Clock
  scheduler: Scheduler
  blobs: BlobStore
  dataDir: string
  duckdb: DuckDb
  s3: S3
  postgres: PostgresSources
  /** Null: views with a topic wait for one. */
  kafka: Kafka | null
  log: Logger
  onListenerError: (error: unknown, topic: string) => void
  config: {
    /** Null: SQLite in the data folder. */
    onlineStore: RedisAddress | null
    /** How many served rows a minute are checked against the history. */
    sampledRowsPerMinute: number
    /** Whether on-demand views may bring code. */
    areScriptsAllowed: boolean
    /** How long a prediction waits for the online store before it takes defaults. Null: as long as it takes. */
    readDeadlineMs: number | null
    /** The folder that local sources lie in. Null: anywhere. */
    sourceRoot: string | null
  }
}): Features {
  const { clock, duckdb } = deps
  const dir = join(deps.dataDir, 'features')
  mkdirSync(dir, { recursive: true })
  const definitions = createDefinitionStore(deps.database)
  const catalog = createCatalog({ store: definitions, clock })
  const temporaryDir = join(dir, 'tmp')
  const log = createOfflineLog(join(dir, 'offline.db'))
  const offline = createOfflineStore({ dir, log, duckdb, clock })
  const online =
    deps.config.onlineStore === null
      ? createSqliteOnlineStore(join(dir, 'online.db'))
      : createRedisOnlineStore(deps.config.onlineStore)
  const usage = createUsage({ database: deps.database, clock })
  const served = createServedLog(join(dir, 'served.db'))
  const inconsistent = createTopic<FeatureInconsistency>(
    'features.inconsistent',
    deps.onListenerError
  )
  const transforms = createTransforms({ isAllowed: deps.config.areScriptsAllowed })
  const store = createFeatureStore({
    catalog,
    definitions,
    offline,
    online,
    transforms,
    sources: createSourceFiles({
      root: createSourceRoot(deps.config.sourceRoot),
      s3: deps.s3,
      postgres: deps.postgres,
      duckdb,
      temporaryDir,
    }),
    duckdb,
    blobs: deps.blobs,
    clock,
    temporaryDir,
    served,
    usage,
    consistencyStore: createConsistencyStore(deps.database),
    sampledRowsPerMinute: deps.config.sampledRowsPerMinute,
    inconsistent,
  })
  const streams = createStreamReaders({
    kafka: deps.kafka,
    catalog,
    log,
    push: store.push,
    nowUs: () => clock.now() * 1000,
    logger: deps.log,
  })
  const refresher = createRefresher({
    catalog,
    store: createRefreshStore(deps.database),
    materialize: store.materialize,
    clock,
    logger: deps.log,
  })
  let isOpen = true

  return {
    name: 'features',
    routes(app) {
      addFeatureRoutes(app, { store, streams, refresher })
      addTrainingFileRoute(app, { store, blobs: deps.blobs, duckdb, temporaryDir })
    },
    checkReady: () => online.ping(),
    online: (request) => {
      const answer = store.online({
        project: request.project,
        wanted: { service: request.service },
        rows: request.rows,
        now: store.now(),
        deadlineMs: deps.config.readDeadlineMs ?? undefined,
      })
      return answer instanceof Promise ? answer.then(inMilliseconds) : inMilliseconds(answer)
    },
    pinService(project, service) {
      const newest = catalog.of(project).services.get(service)?.at(-1)
      return newest === undefined ? service : `${service}@v${newest.version}`
    },
    async serviceSchema(project, service) {
      const selection = store.select(project, { service })
      return {
        entities: selection.keys.map(({ key, type }) => ({ key, type })),
        features: selection.outputs.map(({ name, type }) => ({ name, type })),
        version: selection.version,
      }
    },
    services(project) {
      const { services, views } = catalog.of(project)
      return [...services.values()].flatMap((versions) => {
        const service = versions.at(-1)
        if (service === undefined) return []
        const { name, version, createdAt } = service
        const read = store.select(project, { service: name }).reads.map(({ view }) => ({
          name: view.name,
          version: view.version,
          source: sourceName(view),
          createdAt: views.get(view.name)?.[0]?.createdAt ?? view.createdAt,
        }))
        return [{ name, version, createdAt, views: read }]
      })
    },
    inconsistent,
    consistency: async ({ project, ...query }) => (await store.consistency(project, query)).items,
    keeper: {
      forget: async () => {},
      holds: async () => false,
      sourcesOf: async () => [],
      blobsOf: (digests) => definitions.trainingSetBlobs(digests),
    },
    trainingSet: async (project, name) =>
      (await store.trainingSets(project)).find((set) => set.name === name) ?? null,
    historical: (request) => store.historical(request),
    async start() {
      await catalog.load()
      await online.open(await definitions.namespace())
      offline.removeOrphans()
      await store.catchUp()
      await streams.follow()
      deps.scheduler.every({
        name: 'features.streams',
        intervalMs: FOLLOW_EVERY_MS,
        work: () => streams.follow(),
      })
      deps.scheduler.every({
        name: 'features.refresh',
        intervalMs: REFRESH_EVERY_MS,
        work: (signal) => refresher.refreshDue(signal),
      })
      deps.scheduler.every({
        name: 'features.compact',
        intervalMs: COMPACT_EVERY_MS,
        work: () => store.compact(),
      })
      deps.scheduler.every({
        name: 'features.consistency',
        intervalMs: CHECK_EVERY_MS,
        work: async () => void (await store.checker.check()),
      })
      deps.scheduler.every({
        name: 'features.usage',
        intervalMs: COUNT_EVERY_MS,
        work: () => usage.flush(),
      })
      deps.scheduler.every({
        name: 'features.expire',
        intervalMs: EXPIRE_EVERY_MS,
        work: () => store.expire(),
      })
    },
    async stop() {
      if (!isOpen) return
      isOpen = false
      await streams.stop()
      transforms.stop()
      await store.settled()
      store.checker.flush()
      await usage.flush()
      served.close()
      log.close()
      await online.close()
    },
  }
}

function inMilliseconds(
  answer: Awaited<ReturnType<ReturnType<typeof createFeatureStore>['online']>>
): OnlineRows {
  return {
    names: answer.names,
    values: answer.values,
    statuses: answer.statuses,
    eventTimes: answer.eventTimesUs.map((row) =>
      row.map((us) => (us === null ? null : Math.floor(us / 1000)))
    ),
  }
}
