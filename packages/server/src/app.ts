import { join } from 'node:path'
import { api } from '@trestle/contract'
import type { Config } from './config.ts'
import { systemClock, type Clock } from './kernel/clock.ts'
import { sortableId } from './kernel/ids.ts'
import { batchMigrations, createBatch } from './modules/batch/index.ts'
import { costMigrations, createCosts } from './modules/costs/index.ts'
import { createFeatures, featuresMigrations } from './modules/features/index.ts'
import { createIdentity, identityMigrations } from './modules/identity/index.ts'
import { createLineage, lineageMigrations } from './modules/lineage/index.ts'
import { createMonitoring, monitoringMigrations } from './modules/monitoring/index.ts'
import { createRegistry, registryMigrations } from './modules/registry/index.ts'
import {
  createEvidence,
  createPrometheus,
  createRollouts,
  rolloutMigrations,
  type EndpointPort,
} from './modules/rollouts/index.ts'
import {
  createServing,
  servingMigrations,
  type FeatureReader,
  type InferenceCompleted,
  type ModelSource,
  type Runtime,
} from './modules/serving/index.ts'
import { createStreams, streamMigrations } from './modules/streams/index.ts'
import { createTracking, trackingMigrations } from './modules/tracking/index.ts'
import { createBlobs } from './platform/blobs/index.ts'
import { startAll, stopAll, type Component } from './platform/component.ts'
import { createDataDirLock, openDatabase } from './platform/database/index.ts'
import { createDuckDb } from './platform/duckdb/index.ts'
import type { Topic } from './platform/events/topic.ts'
import {
  addApiDocs,
  addConsole,
  addHealthRoutes,
  auditMutations,
  consoleFolder,
  createHttp,
  describeRoutes,
  guard,
} from './platform/http/index.ts'
import { createKafka } from './platform/kafka/index.ts'
import { createPostgresSources } from './platform/postgres-source/index.ts'
import { openS3 } from './platform/s3/index.ts'
import { createScheduler } from './platform/jobs/scheduler.ts'
import { createLogger, type Logger } from './platform/telemetry/logger.ts'
import { createOtlp } from './platform/telemetry/otlp/index.ts'
import { createMetrics } from './platform/telemetry/metrics.ts'
import { alertActionsOn } from './wiring/alert-actions.ts'
import { batchNoticesFrom, tableFeaturesFrom } from './wiring/batch-ports.ts'
import { consistencyFrom, tellOfInconsistency } from './wiring/feature-ports.ts'
import { spendNoticesFrom } from './wiring/cost-ports.ts'
import { featuresLineage, monitoringLineage, servingLineage } from './wiring/lineage-sources.ts'
import { referenceFilesFrom } from './wiring/monitoring-ports.ts'
import {
  championsFrom,
  endpointsFrom,
  noticesFrom,
  predictionsFrom,
} from './wiring/rollout-ports.ts'
import { modelsFrom, promptsFrom } from './wiring/serving-ports.ts'

export const VERSION = '0.1.0'

export type Listening = Readonly<{ url: string; grpcPort: number | null }>

export interface App {
  /** Starts everything and returns where it listens. When a part fails, what had started is stopped. */
  start(): Promise<Listening>
  /** Drains: takes no new work, finishes what is under way within the drain time, closes everything. */
  stop(): Promise<void>
}

export type AppOverrides = Readonly<{
  clock?: Clock
  log?: Logger
  /** Where predictions are told of, for tests that make them up. */
  completed?: Topic<InferenceCompleted>
  /** Hears of every prediction, beside the modules that do. */
  onCompleted?: (event: InferenceCompleted) => void
  /** Models, features and runtime for tests of serving alone. */
  models?: ModelSource
  features?: FeatureReader
  runtime?: Runtime
  /** What rollouts act on, for tests that make endpoints up. */
  endpoints?: EndpointPort
}>

/** Wires the whole server. The one place that knows every module. */
export function createApp(config: Config, overrides: AppOverrides = {}): App {
  const clock = overrides.clock ?? systemClock
  const log =
    overrides.log ?? createLogger({ level: config.logLevel, isPretty: process.stderr.isTTY })
  const logOf = (module: string): Logger => log.child({ module })
  const onListenerError = (error: unknown, topic: string): void =>
    log.error({ err: error, topic }, 'a listener failed')
  const { dataDir } = config
  let isDraining = false

  const metrics = createMetrics()
  const otlp =
    config.otlp === null
      ? null
      : createOtlp({
          settings: config.otlp,
          version: VERSION,
          clock,
          log: logOf('opentelemetry'),
          metrics,
        })
  const database = openDatabase(config.database, { clock })
  const s3 = openS3(config.s3)
  const { blobs, component: blobStore } = createBlobs(config.blobs, {
    s3,
    dir: join(dataDir, 'blobs'),
    clock,
  })
  const duckdb = createDuckDb({
    temporaryDir: join(dataDir, 'tmp', 'duckdb'),
    memoryLimit: '2GB',
    threads: 2,
  })
  // One thread for a query: shards are done side by side, and threads that share one query of theirs wait for each other.
  const batchEngine = createDuckDb({
    temporaryDir: join(dataDir, 'tmp', 'duckdb-batch'),
    memoryLimit: '1GB',
    threads: 1,
  })
  const postgres = createPostgresSources({ urls: config.sources.postgres, duckdb })
  const kafka = config.kafka === null ? null : createKafka(config.kafka)
  const scheduler = createScheduler({ log: logOf('jobs') })
  const http = createHttp({ log: logOf('http'), clock, limits: config.http })

  const identity = createIdentity({
    database,
    clock,
    scheduler,
    config: config.identity,
    version: VERSION,
  })
  const tracking = createTracking({ database, blobs, clock, scheduler, onListenerError })
  const registry = createRegistry({
    database,
    blobs,
    tracking,
    clock,
    folderRoot: join(dataDir, 'models'),
    scheduler,
    webhooksMayStayInside: config.identity.allowAnonymous,
    onListenerError,
    deferMove: (move) => rollouts.deferMove(move),
    pinFeatureService: (project, service) => features.pinService(project, service),
  })
  const features = createFeatures({
    database,
    clock,
    scheduler,
    blobs,
    dataDir,
    duckdb,
    onListenerError,
    s3,
    postgres,
    kafka,
    log: logOf('features'),
    config: {
      ...config.features,
      sourceRoot: config.sources.root,
      areScriptsAllowed: config.serving.areScriptsAllowed,
    },
  })
  const serving = createServing({
    database,
    clock,
    scheduler,
    metrics,
    log: logOf('serving'),
    models: overrides.models ?? modelsFrom(registry),
    features: overrides.features ?? features,
    ...(overrides.runtime === undefined ? {} : { runtime: overrides.runtime }),
    mayChangeTraffic: (endpointId) => rollouts.mayChangeTraffic(endpointId),
    admit: (asked) => costs.mayServe(asked),
    mayShadow: (endpointId, variant) => rollouts.mayShadow(endpointId, variant),
    llmAccounts: {
      reserve: (scope, bound) => costs.llm.reserve(scope, bound),
      priceOf: (used) => costs.llm.priceOf(used),
    },
    llmKeys: config.llmKeys,
    telemetry: otlp?.telemetry ?? null,
    prompts: promptsFrom(registry),
    config: { maxBodyBytes: config.http.maxBodyBytes, ...config.serving },
    version: VERSION,
  })
  const completed = overrides.completed ?? serving.completed
  if (overrides.onCompleted !== undefined) completed.subscribe(overrides.onCompleted)
  const monitoring = createMonitoring({
    database,
    clock,
    log: logOf('monitoring'),
    scheduler,
    metrics,
    dataDir,
    duckdb,
    completed,
    files: referenceFilesFrom({ tracking, features, blobs }),
    actOnAlert: alertActionsOn({ rollouts: () => rollouts, identity }),
  })
  const processId = sortableId('proc', clock.now())
  const costs = createCosts({
    database,
    clock,
    scheduler,
    source: monitoring.predictions,
    duckdb,
    processId,
    isAlone: config.database.kind === 'sqlite',
    metrics,
    log: logOf('costs'),
    advice: { serving, comparison: (q) => monitoring.comparison(q) },
    gpuMetrics: config.gpuMetrics,
    notify: spendNoticesFrom(monitoring, clock),
  })
  const rollouts = createRollouts({
    database,
    clock,
    scheduler,
    log: logOf('rollouts'),
    completed,
    ports: {
      endpoints: overrides.endpoints ?? endpointsFrom(serving),
      evidence: createEvidence({
        arm: (q) => monitoring.arm(q),
        comparison: (q) => monitoring.comparison(q),
        drift: (id) => monitoring.drift(id),
        consistency: consistencyFrom(serving, features),
        costOf: (q) => costs.costOf(q),
      }),
      champion: championsFrom(registry),
      predictions: predictionsFrom(monitoring),
      queries:
        config.rollouts.prometheusUrl === null
          ? null
          : createPrometheus(config.rollouts.prometheusUrl),
      notices: noticesFrom(monitoring),
    },
    processId,
    config: {
      lookEveryMs: config.rollouts.lookEveryMs,
      leaseMs: config.rollouts.leaseMs,
    },
  })
  tellOfInconsistency(features, monitoring, onListenerError)
  registry.changed.subscribe((event) => {
    if (event.stage === 'Archived')
      rollouts
        .onArchived(event)
        .catch((error: unknown) => onListenerError(error, 'registry.changed'))
  })
  const batch = createBatch({
    database,
    duckdb: batchEngine,
    clock,
    scheduler,
    log: logOf('batch'),
    serving,
    features: tableFeaturesFrom(features),
    sources: { s3, postgres },
    workDir: join(dataDir, 'batch'),
    processId,
    onEnded: batchNoticesFrom(monitoring, clock),
    settings: config.batch,
  })
  const streams = createStreams({
    database,
    kafka,
    clock,
    scheduler,
    metrics,
    log: logOf('streams'),
    serving,
    dataDir,
  })
  const lineage = createLineage({
    database,
    tracking,
    registry,
    sources: [featuresLineage(features), servingLineage(serving), monitoringLineage(monitoring)],
    clock,
    scheduler,
    log: logOf('lineage'),
    openLineage: config.openLineage,
    version: VERSION,
  })
  // Parts stop in reverse: serving before those that log and book its last predictions.
  const modules = [
    identity,
    tracking,
    registry,
    lineage,
    features,
    monitoring,
    costs,
    serving,
    rollouts,
    batch,
    streams,
  ]

  addConsole(http, consoleFolder())
  guard(http, identity.authenticate)
  auditMutations(http, (entry) => identity.recordMutation(entry))
  addHealthRoutes(http, {
    isDraining: () => isDraining,
    checks: [
      { name: 'database', check: () => database.ping() },
      { name: 'online store', check: () => features.checkReady() },
      { name: 'models', check: () => serving.checkReady() },
    ],
  })
  addApiDocs(http, () => describeRoutes(api, VERSION))
  http.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics())
  )
  for (const module of modules) module.routes(http)

  const migrations: Component = {
    name: 'migrations',
    start: () =>
      database.migrate([
        identityMigrations,
        trackingMigrations,
        registryMigrations,
        lineageMigrations,
        featuresMigrations,
        servingMigrations,
        monitoringMigrations,
        costMigrations,
        rolloutMigrations,
        batchMigrations,
        streamMigrations,
      ]),
    stop: async () => {},
  }
  const grpc =
    config.grpcPort === null
      ? null
      : serving.grpc({
          host: config.host,
          port: config.grpcPort,
          authenticate: identity.authenticate,
        })
  let url = ''
  const listener: Component = {
    name: 'http',
    start: async () => {
      url = await http.listen({ host: config.host, port: config.port })
    },
    stop: () => http.close(),
  }
  const components = [
    createDataDirLock(dataDir),
    database,
    migrations,
    duckdb,
    blobStore,
    batchEngine,
    ...(kafka === null ? [] : [kafka]),
    ...(otlp === null ? [] : [otlp]),
    ...modules,
    scheduler,
    listener,
    ...(grpc === null ? [] : [grpc]),
  ]

  let starting: Promise<Listening> | null = null
  let stopping: Promise<void> | null = null
  return {
    start: () =>
      (starting ??= startAll(components).then(() => ({ url, grpcPort: grpc?.port ?? null }))),
    stop: () =>
      (stopping ??= (async () => {
        isDraining = true
        const failures = await stopAll(components, AbortSignal.timeout(config.drainTimeoutMs))
        for (const failure of failures) log.error({ err: failure }, 'stopping')
      })()),
  }
}
