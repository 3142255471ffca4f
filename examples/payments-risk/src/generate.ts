/**
 * Writes the data sets as CSV files:
 *
 *   node src/generate.ts --out DIR [--seed 7] [--rows 40000] [--live-rows 20000] [--customers 2000]
 *                        [--merchants 200] [--warm-up-days 30] [--start 2026-01-05T00:00:00Z]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeDataset } from './dataset.ts'
import type { Example } from './dataset.ts'
import { MODEL_COLUMNS } from './features.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    seed: { type: 'string', default: '7' },
    rows: { type: 'string', default: '40000' },
    'live-rows': { type: 'string', default: '20000' },
    customers: { type: 'string', default: '2000' },
    merchants: { type: 'string', default: '200' },
    'warm-up-days': { type: 'string', default: '30' },
    start: { type: 'string', default: '2026-01-05T00:00:00Z' },
  },
})
if (values.out === undefined) throw new Error('--out DIR says where the files go')
const startTime = Date.parse(values.start)
if (Number.isNaN(startTime)) throw new Error(`--start ${values.start} is not a time`)

const dataset = makeDataset({
  seed: wholeNumber('seed', values.seed),
  startTime,
  customers: wholeNumber('customers', values.customers),
  merchants: wholeNumber('merchants', values.merchants),
  warmUpDays: wholeNumber('warm-up-days', values['warm-up-days']),
  trainingRows: wholeNumber('rows', values.rows),
  liveRows: wholeNumber('live-rows', values['live-rows']),
})

mkdirSync(values.out, { recursive: true })
write('training.csv', dataset.training.map(exampleRecord))
write('training_careless.csv', dataset.careless.map(exampleRecord))
write('live.csv', dataset.live.map(exampleRecord))
write('customer_stats.csv', dataset.customerStats.map(withReadableTimes))
write('merchant_stats.csv', dataset.merchantStats.map(withReadableTimes))

type Record = Readonly<{ [column: string]: string | number }>

function exampleRecord({ transaction, input }: Example): Record {
  return {
    transaction_id: transaction.transaction_id,
    event_timestamp: iso(transaction.event_timestamp),
    customer_id: transaction.customer_id,
    merchant_id: transaction.merchant_id,
    ...Object.fromEntries(MODEL_COLUMNS.map((column, index) => [column, input[index] ?? NaN])),
    is_fraud: transaction.label.is_fraud,
    label_known_at: iso(transaction.label.known_at),
  }
}

function withReadableTimes<T extends { event_timestamp: number; created: number }>(row: T) {
  return { ...row, event_timestamp: iso(row.event_timestamp), created: iso(row.created) }
}

/** No field here ever holds a comma or a quote. */
function write(name: string, records: readonly Record[]): void {
  const header = Object.keys(records[0] ?? {}).join(',')
  const lines = records.map((record) => Object.values(record).join(','))
  writeFileSync(join(values.out ?? '.', name), [header, ...lines, ''].join('\n'))
  console.log(`${name}: ${records.length} rows`)
}

function iso(time: number): string {
  return new Date(time).toISOString()
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} ${text} is not a whole number`)
  return Number(text)
}
