import type { Transaction } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { PriceEntry } from './price-entry.ts'
import type { SavingsRow } from './savings.ts'
import type { LlmCostTables } from './tables.ts'
import { TOKEN_KEY, type TokenRow } from './token-rows.ts'

type PriceRow = LlmCostTables['llm_prices']

/** All SQL of LLM costs, but for booking, which is part of the ledger's own transaction. */
export function createLlmCostStore(database: Database) {
  const db = database.as<LlmCostTables>()
  return {
    tokens: (span: { from: number; to: number }): Promise<TokenRow[]> =>
      db
        .selectFrom('cost_tokens')
        .selectAll()
        .where('hour', '>=', span.from)
        .where('hour', '<', span.to)
        .orderBy('hour')
        .execute(),

    savings: (span: { from: number; to: number }): Promise<SavingsRow[]> =>
      db
        .selectFrom('cost_savings')
        .selectAll()
        .where('hour', '>=', span.from)
        .where('hour', '<', span.to)
        .execute(),

    unpriced: (): Promise<TokenRow[]> =>
      db.selectFrom('cost_tokens').selectAll().where('status', '=', 'unpriced').execute(),
    /** Puts `priced` in the place of a row without a price; nothing when somebody else did so. */
    async reprice(old: TokenRow, priced: TokenRow): Promise<void> {
      await db.transaction().execute(async (tx) => {
        let remove = tx.deleteFrom('cost_tokens').where('quantity', '=', old.quantity)
        for (const name of TOKEN_KEY) remove = remove.where(name, '=', old[name])
        if ((await remove.executeTakeFirst()).numDeletedRows === 1n) await addTokens(tx, priced)
      })
    },

    async prices(): Promise<{ id: string; createdAt: number; entry: PriceEntry }[]> {
      const rows = await db
        .selectFrom('llm_prices')
        .selectAll()
        .orderBy('provider')
        .orderBy('model')
        .orderBy('valid_from')
        .execute()
      return rows.map((row) => ({ id: row.id, createdAt: row.created_at, entry: fromRow(row) }))
    },
    async putPrices(prices: readonly { id: string; entry: PriceEntry; createdAt: number }[]) {
      await db.transaction().execute(async (tx) => {
        for (const price of prices) {
          const row = toRow(price)
          await tx
            .insertInto('llm_prices')
            .values(row)
            .onConflict((c) => c.column('id').doUpdateSet(row))
            .execute()
        }
      })
    },
    async deletePrice(id: string): Promise<boolean> {
      const result = await db.deleteFrom('llm_prices').where('id', '=', id).executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}
export type LlmCostStore = ReturnType<typeof createLlmCostStore>

/** Adds a row to what is there. */
export async function addTokens(tx: Transaction<LlmCostTables>, row: TokenRow): Promise<void> {
  await tx
    .insertInto('cost_tokens')
    .values(row)
    .onConflict((c) =>
      c.columns([...TOKEN_KEY]).doUpdateSet((eb) => ({
        quantity: eb('cost_tokens.quantity', '+', row.quantity),
        requests: eb('cost_tokens.requests', '+', row.requests),
        predictions: eb('cost_tokens.predictions', '+', row.predictions),
        usd_micro: eb('cost_tokens.usd_micro', '+', row.usd_micro),
        usd_pico: eb('cost_tokens.usd_pico', '+', row.usd_pico),
      }))
    )
    .execute()
}

/** Adds a row to what is there. */
export async function addSavings(tx: Transaction<LlmCostTables>, row: SavingsRow): Promise<void> {
  await tx
    .insertInto('cost_savings')
    .values(row)
    .onConflict((c) =>
      c.columns(['hour', 'project', 'endpoint', 'status']).doUpdateSet((eb) => ({
        calls: eb('cost_savings.calls', '+', row.calls),
        tokens: eb('cost_savings.tokens', '+', row.tokens),
        usd_micro: eb('cost_savings.usd_micro', '+', row.usd_micro),
        usd_pico: eb('cost_savings.usd_pico', '+', row.usd_pico),
      }))
    )
    .execute()
}

type Definition = Omit<PriceEntry, 'provider' | 'model' | 'validFrom' | 'validTo' | 'source'>

function toRow({
  id,
  entry,
  createdAt,
}: {
  id: string
  entry: PriceEntry
  createdAt: number
}): PriceRow {
  const { provider, model, validFrom, validTo, source, ...definition } = entry
  return {
    id,
    provider,
    model,
    valid_from: validFrom,
    valid_to: validTo,
    source,
    definition: JSON.stringify(definition satisfies Definition),
    created_at: createdAt,
  }
}

const fromRow = (row: PriceRow): PriceEntry => ({
  ...(JSON.parse(row.definition) as Definition), // written by toRow
  provider: row.provider,
  model: row.model,
  validFrom: row.valid_from,
  validTo: row.valid_to,
  source: row.source,
})
