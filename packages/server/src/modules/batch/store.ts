import type { BatchState, NewBatchJob } from '@trestle/contract'
import type { Selectable } from 'kysely'
import type { Database } from '../../platform/database/index.ts'
import { hasEnded, type Job, type Shard, type ShardSource } from './job.ts'
import type { ShardOutputs } from './run-shard.ts'
import type { BatchTables } from './tables.ts'

export type Claim = Readonly<{ holder: string; now: number; until: number }>

/** All SQL of batch jobs. */
export function createBatchStore(database: Database) {
  const db = database.as<BatchTables>()

  const find = async (id: string): Promise<Job | null> => {
    const row = await db
      .selectFrom('batch_jobs')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? null : toJob(row)
  }

  return {
    find,

    /** False when the project has a job of this idempotency key. */
    async insert(job: Job, idempotency: string | null): Promise<boolean> {
      const result = await db
        .insertInto('batch_jobs')
        .values({
          id: job.id,
          project: job.project,
          idempotency,
          state: job.state,
          spec: JSON.stringify(job.spec),
          model_name: null,
          model_version: null,
          error: null,
          holder: null,
          lease_until: 0,
          created_at: job.createdAt,
          created_by: job.createdBy,
          started_at: null,
          ended_at: null,
        })
        .onConflict((c) => c.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },

    async findByKey(idempotency: string): Promise<Job | null> {
      const row = await db
        .selectFrom('batch_jobs')
        .selectAll()
        .where('idempotency', '=', idempotency)
        .executeTakeFirst()
      return row === undefined ? null : toJob(row)
    },

    async list(page: {
      project: string
      state: BatchState | undefined
      limit: number
      before: string | undefined
    }): Promise<Job[]> {
      let query = db.selectFrom('batch_jobs').selectAll().where('project', '=', page.project)
      if (page.state !== undefined) query = query.where('state', '=', page.state)
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      return (await query.orderBy('id', 'desc').limit(page.limit).execute()).map(toJob)
    },

    /** Jobs that some worker may take a part of, oldest first. */
    async listOpen(): Promise<Job[]> {
      const rows = await db
        .selectFrom('batch_jobs')
        .selectAll()
        .where('state', 'in', ['planning', 'running', 'publishing'])
        .orderBy('id')
        .execute()
      return rows.map(toJob)
    },

    /** Moves a job on, if it is still in `from`. */
    async move(
      id: string,
      from: BatchState,
      to: { state: BatchState; error?: string | null; now: number }
    ): Promise<boolean> {
      const result = await db
        .updateTable('batch_jobs')
        .set({
          state: to.state,
          lease_until: 0,
          ...(to.error === undefined ? {} : { error: to.error }),
          ended_at: hasEnded(to.state) ? to.now : null,
        })
        .where('id', '=', id)
        .where('state', '=', from)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },

    /** The right to plan or publish a job, for one worker at a time. */
    async claimJob(id: string, state: BatchState, claim: Claim): Promise<boolean> {
      const result = await db
        .updateTable('batch_jobs')
        .set({ holder: claim.holder, lease_until: claim.until })
        .where('id', '=', id)
        .where('state', '=', state)
        .where((e) => e.or([e('lease_until', '<', claim.now), e('holder', '=', claim.holder)]))
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },

    /** Writes the manifest and opens the job for workers, whole or not at all; false when the job moved on meanwhile. */
    savePlan: (
      id: string,
      plan: {
        model: { name: string; version: number }
        sources: readonly ShardSource[]
        now: number
      }
    ): Promise<boolean> =>
      db.transaction().execute(async (tx) => {
        const updated = await tx
          .updateTable('batch_jobs')
          .set({
            state: 'running',
            model_name: plan.model.name,
            model_version: plan.model.version,
            started_at: plan.now,
            lease_until: 0,
          })
          .where('id', '=', id)
          .where('state', '=', 'planning')
          .executeTakeFirst()
        if (updated.numUpdatedRows !== 1n) return false
        for (const [shard, source] of plan.sources.entries())
          await tx
            .insertInto('batch_shards')
            .values({
              job_id: id,
              shard,
              source: JSON.stringify(source),
              rows: source.rows,
              is_done: 0,
              attempt: 0,
              failures: 0,
              holder: null,
              lease_until: 0,
              rows_read: 0,
              rows_failed: 0,
              outputs: null,
            })
            .execute()
        return true
      }),

    /** Opens a planned job that had failed again: its shards may be tried anew. */
    async reopen(id: string): Promise<boolean> {
      return db.transaction().execute(async (tx) => {
        const some = await tx
          .selectFrom('batch_shards')
          .select('shard')
          .where('job_id', '=', id)
          .limit(1)
          .executeTakeFirst()
        const result = await tx
          .updateTable('batch_jobs')
          .set({
            state: some === undefined ? 'planning' : 'running',
            error: null,
            ended_at: null,
            lease_until: 0,
          })
          .where('id', '=', id)
          .where('state', '=', 'failed')
          .executeTakeFirst()
        await tx.updateTable('batch_shards').set({ failures: 0 }).where('job_id', '=', id).execute()
        return result.numUpdatedRows === 1n
      })
    },

    async shards(jobId: string): Promise<Shard[]> {
      const rows = await db
        .selectFrom('batch_shards')
        .selectAll()
        .where('job_id', '=', jobId)
        .orderBy('shard')
        .execute()
      return rows.map(toShard)
    },

    /** What the done shards made, in their order. */
    async outputs(jobId: string): Promise<{ shard: number; outputs: ShardOutputs }[]> {
      const rows = await db
        .selectFrom('batch_shards')
        .select(['shard', 'outputs'])
        .where('job_id', '=', jobId)
        .where('is_done', '=', 1)
        .orderBy('shard')
        .execute()
      return rows.map(({ shard, outputs }) => ({
        shard,
        outputs: JSON.parse(outputs ?? '') as ShardOutputs,
      }))
    },

    /** Takes the first shard that nobody holds; its attempt is a new one. Null when there is none. */
    async claimShard(jobId: string, claim: Claim): Promise<Shard | null> {
      for (;;) {
        const row = await db
          .selectFrom('batch_shards')
          .selectAll()
          .where('job_id', '=', jobId)
          .where('is_done', '=', 0)
          .where('lease_until', '<', claim.now)
          .orderBy('shard')
          .limit(1)
          .executeTakeFirst()
        if (row === undefined) return null
        const result = await db
          .updateTable('batch_shards')
          .set({
            holder: claim.holder,
            lease_until: claim.until,
            attempt: row.attempt + 1,
            rows_read: 0,
            rows_failed: 0,
          })
          .where('job_id', '=', jobId)
          .where('shard', '=', row.shard)
          .where('attempt', '=', row.attempt)
          .where('is_done', '=', 0)
          .executeTakeFirst()
        if (result.numUpdatedRows === 1n)
          return { ...toShard(row), attempt: row.attempt + 1, rowsRead: 0, rowsFailed: 0 }
      }
    },

    /** Keeps a claimed shard and tells of its progress; false when another has it. */
    async renewShard(
      shard: Shard,
      progress: { until: number; rowsRead: number; rowsFailed: number }
    ): Promise<boolean> {
      const result = await db
        .updateTable('batch_shards')
        .set({
          lease_until: progress.until,
          rows_read: progress.rowsRead,
          rows_failed: progress.rowsFailed,
        })
        .where('job_id', '=', shard.jobId)
        .where('shard', '=', shard.shard)
        .where('attempt', '=', shard.attempt)
        .where('is_done', '=', 0)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },

    /** The one commit of a shard: false when a newer attempt has it, or it is done. */
    async commitShard(
      shard: Shard,
      done: { rowsFailed: number; outputs: string }
    ): Promise<boolean> {
      const result = await db
        .updateTable('batch_shards')
        .set({
          is_done: 1,
          lease_until: 0,
          rows_read: shard.rows,
          rows_failed: done.rowsFailed,
          outputs: done.outputs,
        })
        .where('job_id', '=', shard.jobId)
        .where('shard', '=', shard.shard)
        .where('attempt', '=', shard.attempt)
        .where('is_done', '=', 0)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },

    /** Gives a shard back; with `hasFailed`, one of its tries is used up. */
    async releaseShard(shard: Shard, hasFailed: boolean): Promise<void> {
      await db
        .updateTable('batch_shards')
        .set({
          lease_until: 0,
          rows_read: 0,
          rows_failed: 0,
          failures: shard.failures + (hasFailed ? 1 : 0),
        })
        .where('job_id', '=', shard.jobId)
        .where('shard', '=', shard.shard)
        .where('attempt', '=', shard.attempt)
        .where('is_done', '=', 0)
        .execute()
    },
  }
}
export type BatchStore = ReturnType<typeof createBatchStore>

// The JSON columns are written by this file only, so that reading them back needs no second check.
const toJob = (row: Selectable<BatchTables['batch_jobs']>): Job => ({
  id: row.id,
  project: row.project,
  state: row.state,
  spec: JSON.parse(row.spec) as NewBatchJob,
  model:
    row.model_name === null || row.model_version === null
      ? null
      : { name: row.model_name, version: row.model_version },
  error: row.error,
  createdAt: row.created_at,
  createdBy: row.created_by,
  startedAt: row.started_at,
  endedAt: row.ended_at,
})

const toShard = (row: Selectable<BatchTables['batch_shards']>): Shard => ({
  jobId: row.job_id,
  shard: row.shard,
  source: JSON.parse(row.source) as ShardSource,
  rows: row.rows,
  isDone: row.is_done === 1,
  attempt: row.attempt,
  failures: row.failures,
  rowsRead: row.rows_read,
  rowsFailed: row.rows_failed,
})
