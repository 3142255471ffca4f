import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Database } from '../../platform/database/index.ts'
import { fail } from '../../platform/errors.ts'
import type {
  LookRecord,
  RegistryBefore,
  RolloutRecord,
  RolloutSpec,
  TransitionRecord,
} from './record.ts'
import { hasEnded, type RolloutState } from './state.ts'
import type { RolloutTables } from './tables.ts'

type RolloutRow = Selectable<RolloutTables['rollouts']>
type TransitionRow = Selectable<RolloutTables['rollout_transitions']>
type Db = Kysely<RolloutTables> | Transaction<RolloutTables>

/** What a controller that acts by itself shows for its right to write. People's actions need none: the version guards those. */
export type Fence = Readonly<{ holder: string; token: number }>

export type Commit = Readonly<{
  /** The rollout as it was read, `version` included. */
  rollout: RolloutRecord
  next: RolloutState
  transition: Omit<TransitionRecord, 'seq'>
  retireAt: number | null
  fence: Fence | null
}>

/** All SQL of rollouts. */
export function createRolloutStore(database: Database) {
  const db = database.as<RolloutTables>()

  const find = async (id: string): Promise<RolloutRecord | null> => {
    const row = await db.selectFrom('rollouts').selectAll().where('id', '=', id).executeTakeFirst()
    return row === undefined ? null : fromRow(row)
  }

  return {
    find,

    async findActive(endpointId: string): Promise<RolloutRecord | null> {
      const row = await db
        .selectFrom('rollouts')
        .selectAll()
        .where('active_key', '=', endpointId)
        .executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },

    /** Those with something left to do: running ones, and ended ones whose old variants are to be removed. */
    async listOpen(now: number): Promise<RolloutRecord[]> {
      const rows = await db
        .selectFrom('rollouts')
        .selectAll()
        .where((e) => e.or([e('active_key', 'is not', null), e('retire_at', '<=', now)]))
        .orderBy('id')
        .execute()
      return rows.map(fromRow)
    },

    async list(page: {
      project: string
      endpoint: string | undefined
      limit: number
      before: string | undefined
    }): Promise<RolloutRecord[]> {
      let query = db.selectFrom('rollouts').selectAll().where('project', '=', page.project)
      if (page.endpoint !== undefined) query = query.where('endpoint', '=', page.endpoint)
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      return (await query.orderBy('id', 'desc').limit(page.limit).execute()).map(fromRow)
    },

    /**
     * Writes a new rollout with its first transition; with `replaces`, ends that one in the same transaction.
     * False when the endpoint has a running rollout, or the replaced one has moved on meanwhile; then nothing is written.
     */
    insert: (rollout: RolloutRecord, first: TransitionRecord, replaces: Commit | null) =>
      db.transaction().execute(async (tx) => {
        if (replaces !== null && !(await writeCommit(tx, replaces))) return false
        const inserted = await tx
          .insertInto('rollouts')
          .values(toRow(rollout))
          .onConflict((c) => c.doNothing())
          .executeTakeFirst()
        if (inserted.numInsertedOrUpdatedRows !== 1n) {
          // The key was freed above, so only a race with a third rollout ends here; throwing undoes the replacement.
          if (replaces !== null)
            throw fail('rollouts.in_progress', 'Another rollout of this endpoint has begun')
          return false
        }
        await tx
          .insertInto('rollout_transitions')
          .values(toTransitionRow(rollout.id, first))
          .execute()
        return true
      }),

    /** Writes a transition with its evidence, whole or not at all. False when someone else wrote since `rollout` was read, or the fence is broken. */
    commit: (commit: Commit): Promise<boolean> =>
      db.transaction().execute((tx) => writeCommit(tx, commit)),

    /** Notes that change no state: they don't raise the version. */
    saveLook: async (id: string, look: LookRecord) =>
      void (await db
        .updateTable('rollouts')
        .set({ look: JSON.stringify(look) })
        .where('id', '=', id)
        .execute()),
    saveTrouble: async (id: string, trouble: string | null) =>
      void (await db.updateTable('rollouts').set({ trouble }).where('id', '=', id).execute()),
    saveRegistryBefore: async (id: string, before: RegistryBefore) =>
      void (await db
        .updateTable('rollouts')
        .set({ registry_before: JSON.stringify(before) })
        .where('id', '=', id)
        .execute()),
    clearRetire: async (id: string) =>
      void (await db
        .updateTable('rollouts')
        .set({ retire_at: null })
        .where('id', '=', id)
        .execute()),

    async timeline(id: string): Promise<TransitionRecord[]> {
      const rows = await db
        .selectFrom('rollout_transitions')
        .selectAll()
        .where('rollout_id', '=', id)
        .orderBy('seq')
        .execute()
      return rows.map(fromTransitionRow)
    },
  }
}
export type RolloutStore = ReturnType<typeof createRolloutStore>

async function writeCommit(tx: Db, commit: Commit): Promise<boolean> {
  const { rollout, next, fence } = commit
  if (fence !== null) {
    const lease = await tx
      .selectFrom('rollout_leases')
      .select(['holder', 'token'])
      .where('endpoint_id', '=', rollout.endpointId)
      .executeTakeFirst()
    if (lease?.holder !== fence.holder || lease.token !== fence.token) return false
  }
  const updated = await tx
    .updateTable('rollouts')
    .set({
      state: JSON.stringify(next),
      phase: next.phase,
      version: rollout.version + 1,
      active_key: hasEnded(next.phase) ? null : rollout.endpointId,
      ended_at: next.endedAt,
      retire_at: commit.retireAt,
    })
    .where('id', '=', rollout.id)
    .where('version', '=', rollout.version)
    .executeTakeFirst()
  if (updated.numUpdatedRows !== 1n) return false
  await tx
    .insertInto('rollout_transitions')
    .values(toTransitionRow(rollout.id, { ...commit.transition, seq: rollout.version + 1 }))
    .execute()
  return true
}

const toRow = (rollout: RolloutRecord): RolloutRow => ({
  id: rollout.id,
  project: rollout.project,
  endpoint: rollout.endpoint,
  endpoint_id: rollout.endpointId,
  active_key: hasEnded(rollout.state.phase) ? null : rollout.endpointId,
  phase: rollout.state.phase,
  version: rollout.version,
  spec: JSON.stringify(rollout.spec),
  state: JSON.stringify(rollout.state),
  look: null,
  trouble: null,
  registry_before: null,
  retire_at: rollout.retireAt,
  created_at: rollout.createdAt,
  created_by: rollout.createdBy,
  ended_at: rollout.state.endedAt,
})

// The JSON columns are written by this file only, so that reading them back needs no second check.
const fromRow = (row: RolloutRow): RolloutRecord => ({
  id: row.id,
  project: row.project,
  endpoint: row.endpoint,
  endpointId: row.endpoint_id,
  version: row.version,
  spec: JSON.parse(row.spec) as RolloutSpec,
  state: JSON.parse(row.state) as RolloutState,
  look: row.look === null ? null : (JSON.parse(row.look) as LookRecord),
  trouble: row.trouble,
  registryBefore:
    row.registry_before === null ? null : (JSON.parse(row.registry_before) as RegistryBefore),
  retireAt: row.retire_at,
  createdAt: row.created_at,
  createdBy: row.created_by,
})

const toTransitionRow = (rolloutId: string, record: TransitionRecord): TransitionRow => ({
  rollout_id: rolloutId,
  seq: record.seq,
  at: record.at,
  actor: record.actor,
  event: record.event,
  from_phase: record.from,
  to_phase: record.to,
  step: record.step,
  reason: record.reason,
  weights: JSON.stringify(record.weights),
  verdicts: JSON.stringify(record.verdicts),
})

const fromTransitionRow = (row: TransitionRow): TransitionRecord => ({
  seq: row.seq,
  at: row.at,
  actor: row.actor,
  event: row.event,
  from: row.from_phase,
  to: row.to_phase,
  step: row.step,
  reason: row.reason,
  weights: JSON.parse(row.weights) as TransitionRecord['weights'],
  verdicts: JSON.parse(row.verdicts) as TransitionRecord['verdicts'],
})
