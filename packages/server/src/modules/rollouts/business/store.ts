import type { Database } from '../../../platform/database/index.ts'
import type { MeanFacts } from '../ports.ts'
import type { RolloutTables } from '../tables.ts'

export type ValueRow = RolloutTables['rollout_business_values']

/** Rows of one statement: SQLite takes 32,766 variables, a row has six. */
const ROWS_AT_ONCE = 1_000

/** All SQL of business metrics. */
export function createBusinessStore(database: Database) {
  const db = database.as<RolloutTables>()
  return {
    /** Writes values, all or none; one with a known key replaces the old one. */
    put: (rows: readonly ValueRow[]): Promise<void> =>
      db.transaction().execute(async (tx) => {
        for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
          await tx
            .insertInto('rollout_business_values')
            .values(rows.slice(i, i + ROWS_AT_ONCE))
            .onConflict((c) =>
              c.columns(['endpoint_id', 'metric', 'value_key']).doUpdateSet((eb) => ({
                variant: eb.ref('excluded.variant'),
                at: eb.ref('excluded.at'),
                value: eb.ref('excluded.value'),
              }))
            )
            .execute()
      }),

    async mean(query: {
      endpointId: string
      metric: string
      variant: string
      from: number
    }): Promise<MeanFacts> {
      const { n, mean, squares } = await db
        .selectFrom('rollout_business_values')
        .select(({ fn, eb }) => [
          fn.countAll<number>().as('n'),
          fn.coalesce(fn.avg<number>('value'), eb.val(0)).as('mean'),
          fn.coalesce(fn.avg<number>(eb('value', '*', eb.ref('value'))), eb.val(0)).as('squares'),
        ])
        .where('endpoint_id', '=', query.endpointId)
        .where('metric', '=', query.metric)
        .where('variant', '=', query.variant)
        .where('at', '>=', query.from)
        .executeTakeFirstOrThrow()
      const variance = n < 2 ? 0 : Math.max(0, (squares - mean * mean) * (n / (n - 1)))
      return { n, mean, variance }
    },

    async forgetBefore(at: number): Promise<void> {
      await db.deleteFrom('rollout_business_values').where('at', '<', at).execute()
    },
  }
}
export type BusinessStore = ReturnType<typeof createBusinessStore>
