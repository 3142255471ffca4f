import type { Database } from '../../platform/database/index.ts'
import type { SavingsRow } from './llm/savings.ts'
import { addSavings, addTokens } from './llm/store.ts'
import type { LlmCostTables } from './llm/tables.ts'
import type { TokenRow } from './llm/token-rows.ts'
import type { CostTables } from './tables.ts'
import type { UsageRow } from './usage.ts'

export type RateCardRow = CostTables['rate_cards']
export type CapacityRow = CostTables['cost_capacity']

/** All SQL of costs. */
export function createCostStore(database: Database) {
  const db = database.as<CostTables & LlmCostTables>()
  return {
    async cursor(logId: string): Promise<number> {
      const row = await db
        .selectFrom('cost_cursors')
        .select('sequence')
        .where('log_id', '=', logId)
        .executeTakeFirst()
      return row?.sequence ?? 0
    },
    /**
     * Books usage and steps the cursor from `cursor.from` to `cursor.to`, together or not at all. False, and nothing booked, when the
     * cursor was not at `from`: somebody booked those events already.
     */
    book(entry: {
      cursor: { logId: string; from: number; to: number }
      usage: readonly UsageRow[]
      capacity: readonly CapacityRow[]
      tokens?: readonly TokenRow[]
      savings?: readonly SavingsRow[]
    }): Promise<boolean> {
      const { logId, from, to } = entry.cursor
      return db.transaction().execute(async (tx) => {
        await tx
          .insertInto('cost_cursors')
          .values({ log_id: logId, sequence: 0 })
          .onConflict((c) => c.doNothing())
          .execute()
        const stepped = await tx
          .updateTable('cost_cursors')
          .set({ sequence: to })
          .where('log_id', '=', logId)
          .where('sequence', '=', from)
          .executeTakeFirst()
        if (stepped.numUpdatedRows !== 1n) return false
        for (const row of entry.usage)
          await tx
            .insertInto('cost_usage')
            .values(row)
            .onConflict((c) =>
              c
                .columns([
                  'hour',
                  'project',
                  'endpoint_id',
                  'endpoint',
                  'variant',
                  'model_name',
                  'model_version',
                  'role',
                  'api_key_id',
                  'device',
                ])
                .doUpdateSet((eb) => ({
                  requests: eb('cost_usage.requests', '+', row.requests),
                  predictions: eb('cost_usage.predictions', '+', row.predictions),
                  busy_us: eb('cost_usage.busy_us', '+', row.busy_us),
                }))
            )
            .execute()
        for (const row of entry.tokens ?? []) await addTokens(tx, row)
        for (const row of entry.savings ?? []) await addSavings(tx, row)
        for (const row of entry.capacity)
          await tx
            .insertInto('cost_capacity')
            .values(row)
            .onConflict((c) =>
              c.columns(['hour', 'device']).doUpdateSet((eb) => ({
                available_us: eb('cost_capacity.available_us', '+', row.available_us),
              }))
            )
            .execute()
        return true
      })
    },
    usage: (span: { from: number; to: number }) =>
      db
        .selectFrom('cost_usage')
        .selectAll()
        .where('hour', '>=', span.from)
        .where('hour', '<', span.to)
        .orderBy('hour')
        .execute(),
    capacity: (span: { from: number; to: number }) =>
      db
        .selectFrom('cost_capacity')
        .selectAll()
        .where('hour', '>=', span.from)
        .where('hour', '<', span.to)
        .orderBy('hour')
        .execute(),

    rateCards: () =>
      db.selectFrom('rate_cards').selectAll().orderBy('valid_from').orderBy('name').execute(),
    putRateCard: async (row: RateCardRow) =>
      void (await db
        .insertInto('rate_cards')
        .values(row)
        .onConflict((c) => c.column('name').doUpdateSet(row))
        .execute()),
    async deleteRateCard(name: string): Promise<boolean> {
      const result = await db.deleteFrom('rate_cards').where('name', '=', name).executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}
export type CostStore = ReturnType<typeof createCostStore>
