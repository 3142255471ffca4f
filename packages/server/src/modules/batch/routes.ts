import { api, type BatchJob } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { fail } from '../../platform/errors.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import { checkInput } from './input.ts'
import { actOn, type Job, type JobAction, type Shard } from './job.ts'
import type { Outputs } from './publish.ts'
import type { BatchStore } from './store.ts'

export function addBatchRoutes(
  app: FastifyInstance,
  deps: {
    store: BatchStore
    duckdb: DuckDb
    outputs: Outputs
    clock: Clock
    /** Something can be done now. */
    wake: () => void
    /** Throws when there is no such model or endpoint. */
    checkTarget: (project: string, spec: Job['spec']) => Promise<void>
  }
): void {
  const { store, clock } = deps
  const found = async (project: string, id: string): Promise<Job> => {
    const job = await store.find(id)
    if (job?.project === project) return job
    throw fail('batch.job_not_found', `No batch job "${id}"`, { details: { id } })
  }
  const shown = async (job: Job): Promise<BatchJob> =>
    toWire(job, await store.shards(job.id), clock.now())

  const act = async (project: string, id: string, action: JobAction): Promise<BatchJob> => {
    const job = await found(project, id)
    const state = actOn(job.state, action)
    const moved =
      state !== null &&
      (action === 'resume' && job.state === 'failed'
        ? await store.reopen(id)
        : await store.move(id, job.state, { state, now: clock.now() }))
    if (!moved)
      throw fail('resource.conflict', `${id} is ${job.state}; it can't ${action} now`, {
        details: { state: job.state },
      })
    if (state === 'cancelled') await deps.outputs.discard(job)
    deps.wake()
    return shown(await found(project, id))
  }

  bindRoutes(
    app,
    { name: 'batch', routes: api.batch },
    {
      async createJob(spec, { project, principal }) {
        const key = spec.idempotencyKey === undefined ? null : `${project} ${spec.idempotencyKey}`
        const before = key === null ? null : await store.findByKey(key)
        if (before !== null) return shown(sameAs(before, spec))
        await deps.checkTarget(project, spec)
        await deps.duckdb.use((connection) => checkInput(connection, spec.input))
        const now = clock.now()
        const job: Job = {
          id: sortableId('bj', now),
          project,
          state: 'planning',
          spec,
          model: null,
          error: null,
          createdAt: now,
          createdBy: principal.actor,
          startedAt: null,
          endedAt: null,
        }
        await deps.outputs.reserve(job)
        if (!(await store.insert(job, key))) {
          await deps.outputs.discard(job)
          const other = key === null ? null : await store.findByKey(key)
          if (other === null) throw new Error('a job of this key is there')
          return shown(sameAs(other, spec))
        }
        deps.wake()
        return shown(job)
      },
      async listJobs({ limit, pageToken, state }, { project }) {
        const jobs = await store.list({ project, state, limit: limit + 1, before: pageToken })
        const items = jobs.slice(0, limit)
        return {
          items: await Promise.all(items.map(shown)),
          nextPageToken: jobs.length > limit ? (items.at(-1)?.id ?? null) : null,
        }
      },
      getJob: async ({ id }, { project }) => shown(await found(project, id)),
      pauseJob: ({ id }, { project }) => act(project, id, 'pause'),
      resumeJob: ({ id }, { project }) => act(project, id, 'resume'),
      cancelJob: ({ id }, { project }) => act(project, id, 'cancel'),
    }
  )
}

function sameAs(job: Job, spec: Job['spec']): Job {
  if (JSON.stringify(job.spec) === JSON.stringify(spec)) return job
  throw fail('resource.conflict', `${job.id} has this idempotency key and another specification`, {
    details: { id: job.id },
  })
}

function toWire(job: Job, shards: readonly Shard[], now: number): BatchJob {
  const total = shards.length === 0 ? null : sum(shards, (s) => s.rows)
  const done = sum(shards, (s) => s.rowsRead)
  const seconds = job.startedAt === null ? 0 : ((job.endedAt ?? now) - job.startedAt) / 1_000
  const rowsPerSecond = done === 0 || seconds <= 0 ? null : done / seconds
  return {
    id: job.id,
    project: job.project,
    state: job.state,
    spec: job.spec,
    model: job.model,
    shards: { total: shards.length, done: shards.filter((s) => s.isDone).length },
    rows: { total, done, failed: sum(shards, (s) => s.rowsFailed) },
    rowsPerSecond,
    secondsLeft:
      job.state !== 'running' || rowsPerSecond === null || total === null
        ? null
        : (total - done) / rowsPerSecond,
    error: job.error,
    createdAt: job.createdAt,
    createdBy: job.createdBy,
    startedAt: job.startedAt,
    endedAt: job.endedAt,
  }
}

const sum = (shards: readonly Shard[], of: (shard: Shard) => number): number =>
  shards.reduce((total, shard) => total + of(shard), 0)
