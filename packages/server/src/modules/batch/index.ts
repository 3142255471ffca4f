/**
 * Batch scoring: a table in, the same table with predictions out, by the model, checks, features, log and costs of online serving.
 * Owns jobs and their shards. Invariants: the shards of a job never change once planned; an attempt writes to files of its own; one commit per
 * shard; the output is what the published manifest names, so that every input row is in it once, or among the failed rows, however often workers die.
 */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Serving } from '../serving/index.ts'
import type { TableFeatures } from './feature-columns.ts'
import type { InputSources } from './input.ts'
import type { Job } from './job.ts'
import { createOutputs } from './publish.ts'
import { addBatchRoutes } from './routes.ts'
import { createBatchStore } from './store.ts'
import { createWorker, workerDefaults, type WorkerSettings } from './worker.ts'

export { batchMigrations } from './migrations/index.ts'
export type { TableFeatures } from './feature-columns.ts'
export type { Job } from './job.ts'

const LOOK_EVERY_MS = 1_000
const WORK = 'batch.work'

export interface Batch extends Component {
  routes(app: FastifyInstance): void
}

export function createBatch(deps: {
  database: Database
  duckdb: DuckDb
  clock: Clock
  scheduler: Scheduler
  log: Logger
  serving: Pick<Serving, 'openScorer' | 'checkTarget'>
  features: TableFeatures
  sources: InputSources
  /** Where jobs work whose output is no folder of this machine. */
  workDir: string
  processId: string
  /** Told of every job that is done or has failed. */
  onEnded: (job: Job) => Promise<void>
  settings?: Partial<WorkerSettings>
}): Batch {
  const { database, duckdb, clock, scheduler, log, serving } = deps
  const store = createBatchStore(database)
  const outputs = createOutputs({ s3: deps.sources.s3, workDir: deps.workDir })
  const worker = createWorker({
    outputs,
    sources: deps.sources,
    store,
    duckdb,
    clock,
    log,
    features: deps.features,
    openScorer: (project, target) => serving.openScorer(project, target),
    holder: deps.processId,
    settings: { ...workerDefaults, ...deps.settings },
    onEnded: (job) =>
      deps
        .onEnded(job)
        .catch((error: unknown) =>
          log.error({ err: error, job: job.id }, 'telling of a batch job')
        ),
  })
  scheduler.every({
    name: WORK,
    intervalMs: LOOK_EVERY_MS,
    work: (signal) => worker.work(signal),
  })
  return {
    name: 'batch',
    routes: (app) =>
      addBatchRoutes(app, {
        store,
        duckdb,
        outputs,
        clock,
        wake: () =>
          void scheduler
            .trigger(WORK)
            .catch((error: unknown) => log.error({ err: error }, 'batch work')),
        checkTarget: (project, spec) =>
          serving.checkTarget(
            project,
            spec.endpoint === undefined
              ? { model: spec.model ?? '' }
              : { endpoint: spec.endpoint, variant: spec.variant ?? null }
          ),
      }),
    start: async () => {},
    stop: async () => {},
  }
}
