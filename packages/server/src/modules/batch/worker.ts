import type { Clock } from '../../kernel/clock.ts'
import { AppError, messageOf } from '../../kernel/errors.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { fail } from '../../platform/errors.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Scorer, ScoreTarget } from '../serving/index.ts'
import type { TableFeatures } from './feature-columns.ts'
import { planShards, type InputSources } from './input.ts'
import type { Job, Shard } from './job.ts'
import type { Outputs } from './publish.ts'
import { planColumns, runShard, type ShardProgress } from './run-shard.ts'
import type { BatchStore } from './store.ts'

export type WorkerSettings = Readonly<{
  /** How long a worker that died keeps its shard from others. */
  leaseMs: number
  /** How often a shard's progress is written and its job looked at. */
  heartbeatMs: number
  /** Tries of one shard before its job fails. */
  maxTries: number
  /** Shards that this worker does at a time: one is read and scored while another is written. */
  lanes: number
}>

export const workerDefaults: WorkerSettings = {
  leaseMs: 15_000,
  heartbeatMs: 1_000,
  maxTries: 3,
  lanes: 2,
}

/** A fault of what was asked: trying again can't help. */
const FINAL: ReadonlySet<string> = new Set([
  'request.invalid',
  'batch.input_failed',
  'batch.output_failed',
  'batch.too_many_failed_rows',
])

/** Takes parts of jobs and does them, one at a time. Any number of workers on any number of machines share a job through its database. */
export function createWorker(deps: {
  store: BatchStore
  duckdb: DuckDb
  clock: Clock
  log: Logger
  features: TableFeatures
  sources: InputSources
  outputs: Outputs
  openScorer: (project: string, target: ScoreTarget) => Promise<Scorer>
  holder: string
  settings: WorkerSettings
  onEnded: (job: Job) => Promise<void>
}) {
  const { store, duckdb, clock, log, settings } = deps
  const claim = () => ({
    holder: deps.holder,
    now: clock.now(),
    until: clock.now() + settings.leaseMs,
  })

  const end = async (job: Job, state: 'done' | 'failed', error: string | null): Promise<void> => {
    if (!(await store.move(job.id, job.state, { state, error, now: clock.now() }))) return
    const ended = await store.find(job.id)
    if (ended !== null) await deps.onEnded(ended)
  }

  /** Keeps a job's or a shard's lease alive while `work` runs, and aborts it once `renew` says that it is another's. */
  const held = async <T>(
    outer: AbortSignal,
    renew: () => Promise<boolean>,
    work: (signal: AbortSignal) => Promise<T>
  ): Promise<T> => {
    const lost = new AbortController()
    let renewing: Promise<void> = Promise.resolve()
    const everyMs = Math.min(settings.heartbeatMs, settings.leaseMs / 3)
    const timer = setInterval(() => {
      renewing = renew()
        .then((isOurs) => (isOurs ? undefined : lost.abort(new Lost())))
        .catch((error: unknown) => log.warn({ err: error }, 'renewing a lease'))
    }, everyMs)
    try {
      return await work(AbortSignal.any([outer, lost.signal]))
    } finally {
      clearInterval(timer)
      await renewing
    }
  }

  const plan = async (job: Job, signal: AbortSignal): Promise<void> => {
    if (!(await store.claimJob(job.id, 'planning', claim()))) return
    try {
      await held(
        signal,
        () => store.claimJob(job.id, 'planning', claim()),
        async () => {
          const scorer = await deps.openScorer(job.project, targetOf(job))
          try {
            const sources = await duckdb.use(async (connection) => {
              const planned = await planShards(connection, job.spec.input, {
                folder: deps.outputs.workFolder(job),
                shardRows: job.spec.shardRows,
                sources: deps.sources,
              })
              await planColumns(connection, { job, scorer, path: planned[0]?.path ?? '' })
              return planned
            })
            await store.savePlan(job.id, { model: scorer.model, sources, now: clock.now() })
          } finally {
            await scorer.close()
          }
        }
      )
    } catch (error) {
      if (signal.aborted) return
      log.warn({ err: error, job: job.id }, 'a batch job could not be planned')
      await end(job, 'failed', messageOf(error))
    }
  }

  const score = async (
    work: { job: Job; shard: Shard; scorer: Scorer },
    signal: AbortSignal
  ): Promise<void> => {
    const { job, shard, scorer } = work
    const progress: ShardProgress = { rowsRead: 0, rowsFailed: 0 }
    const renew = async (): Promise<boolean> =>
      (await store.find(job.id))?.state === 'running' &&
      (await store.renewShard(shard, { ...progress, until: clock.now() + settings.leaseMs }))
    try {
      const outputs = await held(signal, renew, (watched) =>
        runShard(
          { ...deps, scorer },
          { ...work, folder: deps.outputs.workFolder(job) },
          { progress, signal: watched }
        )
      )
      await store.commitShard(shard, {
        rowsFailed: outputs.rowsFailed,
        outputs: JSON.stringify(outputs),
      })
      const failed = (await store.shards(job.id)).reduce((sum, s) => sum + s.rowsFailed, 0)
      if (failed > job.spec.maxFailedRows)
        throw fail('batch.too_many_failed_rows', `${failed} rows failed`)
    } catch (error) {
      if (error instanceof Lost || signal.aborted) {
        await store.releaseShard(shard, false)
        if ((await store.find(job.id))?.state === 'cancelled') await deps.outputs.discard(job)
        return
      }
      log.warn({ err: error, job: job.id, shard: shard.shard }, 'a shard failed')
      await store.releaseShard(shard, true)
      const isFinal = error instanceof AppError && FINAL.has(error.code)
      if (isFinal || shard.failures + 1 >= settings.maxTries)
        await end(job, 'failed', `Shard ${shard.shard}: ${messageOf(error)}`)
    }
  }

  /** Takes shards one after another until none is free. */
  const lane = async (
    job: Job,
    open: (job: Job) => Promise<Scorer>,
    signal: AbortSignal
  ): Promise<void> => {
    while (!signal.aborted) {
      const now = await store.find(job.id)
      if (now?.state !== 'running') return
      const shard = await store.claimShard(job.id, claim())
      if (shard === null) return
      let scorer: Scorer
      try {
        scorer = await open(now)
      } catch (error) {
        await store.releaseShard(shard, true)
        await end(now, 'failed', messageOf(error))
        return
      }
      await score({ job: now, shard, scorer }, signal)
    }
  }

  const run = async (job: Job, signal: AbortSignal): Promise<void> => {
    let opening: Promise<Scorer> | null = null
    const open = (now: Job): Promise<Scorer> =>
      (opening ??= deps.openScorer(job.project, targetOf(now)).then(async (scorer) => {
        if (isOfVersion(now, scorer)) return scorer
        await scorer.close()
        throw otherVersion(now, scorer)
      }))
    try {
      await Promise.all(Array.from({ length: settings.lanes }, () => lane(job, open, signal)))
      if ((await store.shards(job.id)).every((s) => s.isDone))
        await store.move(job.id, 'running', { state: 'publishing', now: clock.now() })
    } finally {
      await (opening as Promise<Scorer> | null)?.then(
        (scorer) => scorer.close(),
        () => undefined
      )
    }
  }

  const finish = async (job: Job): Promise<void> => {
    if (!(await store.claimJob(job.id, 'publishing', claim()))) return
    try {
      await deps.outputs.publish(job, await store.outputs(job.id))
      await end(job, 'done', null)
    } catch (error) {
      log.warn({ err: error, job: job.id }, 'a batch job could not be published')
      await end(job, 'failed', messageOf(error))
    }
  }

  return {
    /** Does what there is to do, and returns when nothing is left for this worker. */
    async work(signal: AbortSignal): Promise<void> {
      for (const job of await store.listOpen()) {
        if (signal.aborted) return
        if (job.state === 'planning') await plan(job, signal)
        const planned = await store.find(job.id)
        if (planned?.state === 'running') await run(planned, signal)
        const scored = await store.find(job.id)
        if (scored?.state === 'publishing') await finish(scored)
      }
    },
  }
}

/** The lease of what is under way went to another, or its job stands still. */
class Lost extends Error {}

/** Once planned, a job stays with its version, wherever the alias moves. */
const targetOf = ({ spec, model }: Job): ScoreTarget =>
  spec.endpoint !== undefined
    ? { endpoint: spec.endpoint, variant: spec.variant ?? null }
    : {
        model: model === null ? (spec.model ?? '') : `${model.name}/${model.version}`,
        ...(spec.inputColumns === undefined ? {} : { columns: spec.inputColumns }),
      }

const isOfVersion = ({ model }: Job, scorer: Scorer): boolean =>
  model === null || (model.name === scorer.model.name && model.version === scorer.model.version)

const otherVersion = ({ model }: Job, scorer: Scorer) =>
  fail(
    'resource.conflict',
    `The job began with ${model?.name ?? ''}/${model?.version ?? ''}, and the endpoint serves ${scorer.model.name}/${scorer.model.version} now`
  )
