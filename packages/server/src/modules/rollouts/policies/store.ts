import type { DeclaredPolicy } from '@trestle/contract'
import type { Database } from '../../../platform/database/index.ts'
import type { RolloutTables } from '../tables.ts'

export type PolicyRecord = DeclaredPolicy &
  Readonly<{ project: string; updatedAt: number; updatedBy: string }>

type Row = RolloutTables['rollout_policies']

/** All SQL of rollout policies. */
export function createPolicyStore(database: Database) {
  const db = database.as<RolloutTables>()
  return {
    async list(project: string): Promise<PolicyRecord[]> {
      const rows = await db
        .selectFrom('rollout_policies')
        .selectAll()
        .where('project', '=', project)
        .orderBy('endpoint')
        .execute()
      return rows.map(fromRow)
    },
    async find(project: string, endpoint: string): Promise<PolicyRecord | null> {
      const row = await db
        .selectFrom('rollout_policies')
        .selectAll()
        .where('project', '=', project)
        .where('endpoint', '=', endpoint)
        .executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },
    async put(policy: PolicyRecord): Promise<void> {
      const row = toRow(policy)
      await db
        .insertInto('rollout_policies')
        .values(row)
        .onConflict((c) => c.columns(['project', 'endpoint']).doUpdateSet(row))
        .execute()
    },
    /** False when there is none. */
    async remove(project: string, endpoint: string): Promise<boolean> {
      const result = await db
        .deleteFrom('rollout_policies')
        .where('project', '=', project)
        .where('endpoint', '=', endpoint)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}
export type PolicyStore = ReturnType<typeof createPolicyStore>

const toRow = ({ project, endpoint, updatedAt, updatedBy, ...declared }: PolicyRecord): Row => ({
  project,
  endpoint,
  declared: JSON.stringify(declared),
  updated_at: updatedAt,
  updated_by: updatedBy,
})

const fromRow = (row: Row): PolicyRecord => ({
  ...(JSON.parse(row.declared) as Omit<DeclaredPolicy, 'endpoint'>), // written above
  project: row.project,
  endpoint: row.endpoint,
  updatedAt: row.updated_at,
  updatedBy: row.updated_by,
})
