import { api } from '@trestle/contract'
import type { Config } from './config.ts'
import { systemClock, type Clock } from './kernel/clock.ts'
import { createIdentity, identityMigrations } from './modules/identity/index.ts'
import {
  createServing,
  servingMigrations,
  type FeatureReader,
  type ModelSource,
  type Runtime,
} from './modules/serving/index.ts'
import { startAll, stopAll, type Component } from './platform/component.ts'
import { fail } from './platform/errors.ts'
import { createDataDirLock, openDatabase } from './platform/database/index.ts'
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
  models?: ModelSource
  features?: FeatureReader
  runtime?: Runtime
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

  const serving = createServing({
    database,
    clock,
    scheduler,
    metrics,
    log: logOf('serving'),
    models: overrides.models ?? noModels,
    features: overrides.features ?? null,
    ...(overrides.runtime === undefined ? {} : { runtime: overrides.runtime }),
    config: { maxBodyBytes: config.http.maxBodyBytes },
    version: VERSION,
  })

  guard(http, identity.authenticate)
  auditMutations(http, (entry) => identity.recordMutation(entry))
  addHealthRoutes(http, {
    isDraining: () => isDraining,
    checks: [
      { name: 'database', check: () => database.ping() },
      { name: 'models', check: () => serving.checkReady() },
    ],
  })
  addApiDocs(http, () => describeRoutes(api, VERSION))
  http.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics())
  )
  identity.routes(http)
  serving.routes(http)

  const migrations: Component = {
    name: 'migrations',
    start: () => database.migrate([identityMigrations, servingMigrations]),
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
    serving,
    scheduler,
    listener,
    ...(config.grpcPort === null
      ? []
      : [
          serving.grpc({
            host: config.host,
            port: config.grpcPort,
            authenticate: identity.authenticate,
          }),
        ]),
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

/** Stands where the model registry is plugged in. */
const noModels: ModelSource = {
  resolve: async (_project, reference) => {
    throw fail('registry.model_not_found', `No registered model "${reference}"`)
  },
}
