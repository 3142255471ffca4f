/** The data sets as CSV text. No field here ever holds a comma or a quote. */
import type { Example } from './dataset.ts'
import { MODEL_COLUMNS } from './features.ts'
import type { CustomerStatsRow, MerchantStatsRow } from './stats.ts'

type Field = string | number
const KEYS = ['transaction_id', 'event_timestamp', 'customer_id', 'merchant_id']

/** Payments with their features in the order of `MODEL_COLUMNS`, and the label. */
export function examplesCsv(examples: readonly Example[]): string {
  const header = [...KEYS, ...MODEL_COLUMNS, 'is_fraud', 'label_known_at']
  return csv(header, examples.map(exampleFields))
}

/** Feature rows with times in ISO 8601. */
export function featureRowsCsv(rows: readonly (CustomerStatsRow | MerchantStatsRow)[]): string {
  return csv(
    Object.keys(rows[0] ?? {}),
    rows.map((row) =>
      Object.values({
        ...row,
        event_timestamp: iso(row.event_timestamp),
        created: iso(row.created),
      })
    )
  )
}

function exampleFields({ transaction, input }: Example): Field[] {
  const { transaction_id, event_timestamp, customer_id, merchant_id, label } = transaction
  const keys = [transaction_id, iso(event_timestamp), customer_id, merchant_id]
  return [...keys, ...input, label.is_fraud, iso(label.known_at)]
}

function csv(header: readonly string[], records: readonly Field[][]): string {
  return [header, ...records].map((fields) => fields.join(',')).join('\n') + '\n'
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
