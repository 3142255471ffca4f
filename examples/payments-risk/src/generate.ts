/**
 * Writes the data sets as CSV files:
 *
 *   node src/generate.ts --out DIR [--seed 7] [--rows 40000] [--live-rows 20000] [--customers 2000]
 *                        [--merchants 200] [--warm-up-days 30] [--start 2026-01-05T00:00:00Z]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { examplesCsv, featureRowsCsv } from './csv.ts'
import { DEFAULT_DATASET, makeDataset } from './dataset.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    seed: { type: 'string' },
    rows: { type: 'string' },
    'live-rows': { type: 'string' },
    customers: { type: 'string' },
    merchants: { type: 'string' },
    'warm-up-days': { type: 'string' },
    start: { type: 'string' },
  },
})
if (values.out === undefined) throw new Error('--out DIR says where the files go')

const dataset = makeDataset({
  seed: wholeNumber('seed', DEFAULT_DATASET.seed),
  startTime: values.start === undefined ? DEFAULT_DATASET.startTime : time(values.start),
  customers: wholeNumber('customers', DEFAULT_DATASET.customers),
  merchants: wholeNumber('merchants', DEFAULT_DATASET.merchants),
  warmUpDays: wholeNumber('warm-up-days', DEFAULT_DATASET.warmUpDays),
  trainingRows: wholeNumber('rows', DEFAULT_DATASET.trainingRows),
  liveRows: wholeNumber('live-rows', DEFAULT_DATASET.liveRows),
})

mkdirSync(values.out, { recursive: true })
write('training.csv', examplesCsv(dataset.training))
write('training_careless.csv', examplesCsv(dataset.careless))
write('live.csv', examplesCsv(dataset.live))
write('customer_stats.csv', featureRowsCsv(dataset.customerStats))
write('merchant_stats.csv', featureRowsCsv(dataset.merchantStats))

function write(name: string, text: string): void {
  writeFileSync(join(values.out ?? '.', name), text)
  console.log(`${name}: ${text.split('\n').length - 2} rows`)
}

function wholeNumber(name: keyof typeof values, otherwise: number): number {
  const text = values[name] ?? String(otherwise)
  if (!/^\d+$/.test(text)) throw new Error(`--${name} ${text} is not a whole number`)
  return Number(text)
}

function time(text: string): number {
  const parsed = Date.parse(text)
  if (Number.isNaN(parsed)) throw new Error(`--start ${text} is not a time`)
  return parsed
}
