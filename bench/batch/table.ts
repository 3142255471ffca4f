import { tmpdir } from 'node:os'
import { createDuckDb } from '../../packages/server/src/platform/duckdb/index.ts'

/** What the model of `examples/payments-risk` reads, in its order. */
export const COLUMNS: readonly string[] = [
  'amount',
  'country_mismatch',
  'hour',
  'channel',
  'tx_count_1h',
  'avg_amount_30d',
  'tx_count_24h',
  'card_age_days',
  'disputes_30d',
  'merchant_avg_amount_30d',
  'merchant_tx_count_30d',
  'merchant_fraud_rate_30d',
]

/** Payments by the million: what the model reads, and a number, an instant and a text that are passed through. */
export async function writePayments(path: string, rows: number): Promise<void> {
  const engine = createDuckDb({ temporaryDir: tmpdir(), memoryLimit: '2GB', threads: 2 })
  const drawn = COLUMNS.map((name, i) => `(hash(i + ${i}) % 20000 / 100)::FLOAT AS ${name}`)
  await engine.run(
    `COPY (SELECT i AS id, TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS at, 'shop ' || (i % 997) AS shop, ${drawn.join(', ')}
     FROM range(${rows}) t(i)) TO '${path}' (FORMAT parquet)`
  )
  await engine.stop()
}
