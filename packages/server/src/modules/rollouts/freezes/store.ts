import type { DeclaredFreeze } from '@trestle/contract'
import type { Database } from '../../../platform/database/index.ts'
import type { RolloutTables } from '../tables.ts'
import type { FreezeRecord } from './window.ts'

type Row = RolloutTables['rollout_freezes']

/** All SQL of freeze windows. */
export function createFreezeStore(database: Database) {
  const db = database.as<RolloutTables>()
  return {
    async list(project: string): Promise<FreezeRecord[]> {
      const rows = await db
        .selectFrom('rollout_freezes')
        .selectAll()
        .where('project', '=', project)
        .orderBy('name')
        .execute()
      return rows.map(fromRow)
    },
    async put(freeze: FreezeRecord): Promise<void> {
      const row = toRow(freeze)
      await db
        .insertInto('rollout_freezes')
        .values(row)
        .onConflict((c) => c.columns(['project', 'name']).doUpdateSet(row))
        .execute()
    },
    /** False when there is none. */
    async remove(project: string, name: string): Promise<boolean> {
      const result = await db
        .deleteFrom('rollout_freezes')
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}
export type FreezeStore = ReturnType<typeof createFreezeStore>

const toRow = ({ project, name, updatedAt, updatedBy, ...declared }: FreezeRecord): Row => ({
  project,
  name,
  declared: JSON.stringify(declared),
  updated_at: updatedAt,
  updated_by: updatedBy,
})

const fromRow = (row: Row): FreezeRecord => ({
  ...(JSON.parse(row.declared) as Omit<DeclaredFreeze, 'name'>), // written above
  project: row.project,
  name: row.name,
  updatedAt: row.updated_at,
  updatedBy: row.updated_by,
})
