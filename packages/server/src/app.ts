import { join } from 'node:path'
import { api } from '@trestle/contract'
import type { Config } from './config.ts'
import { systemClock, type Clock } from './kernel/clock.ts'
import { costMigrations, createCosts } from './modules/costs/index.ts'
import { createFeatures, featuresMigrations } from './modules/features/index.ts'
import { createIdentity, identityMigrations } from './modules/identity/index.ts'
import { createRegistry, registryMigrations } from './modules/registry/index.ts'
import { createMonitoring, monitoringMigrations } from './modules/monitoring/index.ts'
import type { InferenceCompleted } from './modules/serving/index.ts'
import { createTracking, trackingMigrations } from './modules/tracking/index.ts'
import { createFileBlobStore } from './platform/blobs/index.ts'
import { startAll, stopAll, type Component } from './platform/component.ts'
import { createDataDirLock, openDatabase } from './platform/database/index.ts'
import { createTopic, type Topic } from './platform/events/topic.ts'
import {
  addApiDocs,
  addHealthRoutes,
  auditMutations,
  createHttp,
  describeRoutes,
  guard,
} from './platform/http/index.ts'
import { createScheduler } from './platform/jobs/scheduler.ts'
import { createLogger, type Logger } from './platform/telemetry/logger.ts'
import { createMetrics } from './platform/telemetry/metrics.ts'

export const VERSION = '0.1.0'

export interface App {
  /** Starts everything and returns where it listens. When a part fails, what had started is stopped. */
  start(): Promise<{ url: string }>
  /** Drains: takes no new work, finishes what is under way within the drain time, closes everything. */
  stop(): Promise<void>
}

export type AppOverrides = Readonly<{
  clock?: Clock
  log?: Logger
  /** Where predictions are told of, for tests that make them up. */
  completed?: Topic<InferenceCompleted>
}>

/** Wires the whole server. The one place that knows every module. */
export function createApp(config: Config, overrides: AppOverrides = {}): App {
  const clock = overrides.clock ?? systemClock
  const log =
    overrides.log ?? createLogger({ level: config.logLevel, isPretty: process.stderr.isTTY })
  const logOf = (module: string): Logger => log.child({ module })
  let isDraining = false

  const metrics = createMetrics()
  const database = openDatabase(config.database, { clock })
  const scheduler = createScheduler({ log: logOf('jobs') })
  const http = createHttp({ log: logOf('http'), clock, limits: config.http })

  const identity = createIdentity({
    database,
    clock,
    scheduler,
    config: config.identity,
    version: VERSION,
  })

  const blobs = createFileBlobStore(join(config.dataDir, 'blobs'))
  const tracking = createTracking({ database, blobs, clock })
  const onListenerError = (error: unknown, topic: string): void =>
    log.error({ err: error, topic }, 'a listener failed')
  const registry = createRegistry({
    database,
    blobs,
    tracking,
    clock,
    folderRoot: join(config.dataDir, 'models'),
    onListenerError,
  })
  const completed =
    overrides.completed ??
    createTopic<InferenceCompleted>('inference.completed', (error, topic) =>
      log.error({ err: error, topic }, 'a listener failed')
    )
  const monitoring = createMonitoring({
    database,
    clock,
    log: logOf('monitoring'),
    scheduler,
    metrics,
    dataDir: config.dataDir,
    completed,
  })
  const costs = createCosts({ database, clock, scheduler, source: monitoring.predictions })
  const features = createFeatures({ database, clock, scheduler, blobs, dataDir: config.dataDir })

  guard(http, identity.authenticate)
  auditMutations(http, (entry) => identity.recordMutation(entry))
  addHealthRoutes(http, {
    isDraining: () => isDraining,
    checks: [{ name: 'database', check: () => database.ping() }],
  })
  addApiDocs(http, () => describeRoutes(api, VERSION))
  http.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics())
  )
  identity.routes(http)
  tracking.routes(http)
  registry.routes(http)
  monitoring.routes(http)
  costs.routes(http)

  features.routes(http)

  const migrations: Component = {
    name: 'migrations',
    start: () =>
      database.migrate([
        identityMigrations,
        trackingMigrations,
        registryMigrations,
        monitoringMigrations,
        costMigrations,
      ]),
    start: () => database.migrate([identityMigrations, trackingMigrations, featuresMigrations]),
    stop: async () => {},
  }
  let url = ''
  const listener: Component = {
    name: 'http',
    start: async () => {
      url = await http.listen({ host: config.host, port: config.port })
    },
    stop: () => http.close(),
  }
  const components = [
    createDataDirLock(config.dataDir),
    database,
    migrations,
    identity,
    tracking,
    registry,
    monitoring,
    costs,
    features,
    scheduler,
    listener,
  ]

  let starting: Promise<{ url: string }> | null = null
  let stopping: Promise<void> | null = null
  return {
    start: () => (starting ??= startAll(components).then(() => ({ url }))),
    stop: () =>
      (stopping ??= (async () => {
        isDraining = true
        const failures = await stopAll(components, AbortSignal.timeout(config.drainTimeoutMs))
        for (const failure of failures) log.error({ err: failure }, 'stopping')
      })()),
  }
}
