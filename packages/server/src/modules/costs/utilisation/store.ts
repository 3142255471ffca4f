import { sql, type Expression } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { CostTables } from '../tables.ts'

export type UtilisationRow = CostTables['cost_utilisation']

/** All SQL of utilisation. */
export function createUtilisationStore(database: Database) {
  const db = database.as<CostTables>()
  return {
    /** Adds what was seen to its hour. */
    add: (rows: readonly UtilisationRow[]) =>
      db.transaction().execute(async (tx) => {
        for (const row of rows)
          await tx
            .insertInto('cost_utilisation')
            .values(row)
            .onConflict((c) =>
              c.columns(['hour', 'device', 'unit']).doUpdateSet((eb) => ({
                observed_us: eb('cost_utilisation.observed_us', '+', row.observed_us),
                busy_us: eb('cost_utilisation.busy_us', '+', row.busy_us),
                energy_mj: eb('cost_utilisation.energy_mj', '+', row.energy_mj),
                name: row.name,
                memory_total: row.memory_total,
                peak_permille: largest(eb.ref('cost_utilisation.peak_permille'), row.peak_permille),
                memory_peak: largest(eb.ref('cost_utilisation.memory_peak'), row.memory_peak),
              }))
            )
            .execute()
      }),
    read: (span: { from: number; to: number }) =>
      db
        .selectFrom('cost_utilisation')
        .selectAll()
        .where('hour', '>=', span.from)
        .where('hour', '<', span.to)
        .orderBy('unit')
        .orderBy('hour')
        .execute(),
  }
}
export type UtilisationStore = ReturnType<typeof createUtilisationStore>

const largest = (known: Expression<number>, next: number) =>
  sql<number>`case when ${known} > ${next} then ${known} else ${next} end`
