import type { DuckDBValue } from '@duckdb/node-api'
import type { DriftDocument } from '@trestle/contract'
import { z } from 'zod'
import type { Scalar } from '../../../kernel/scalar.ts'
import { judgeQuality } from '../drift/quality.ts'
import type { FileTable } from './file-table.ts'

/** Where a file says what was predicted and what turned out to be true. */
export const qualityColumns = z.strictObject({
  target: z.string(),
  prediction: z.string(),
  /** Probabilities of the positive class. */
  score: z.string().nullable().default(null),
  /** By default from the target: fractions or many numbers are a regression, two values are binary. */
  problem: z.enum(['binary', 'multiclass', 'regression']).nullable().default(null),
  /** By default 1, true, or the last of the two values by name. */
  positive: z.union([z.string(), z.number(), z.boolean()]).nullable().default(null),
})
type QualityColumns = z.output<typeof qualityColumns>

const MOST_ROWS = 200_000
const MANY_CLASSES = 30

/** How good the predictions of both files are, over all rows or an even draw of 200,000. */
export async function compareQuality(
  reference: FileTable,
  current: FileTable,
  columns: QualityColumns
): Promise<DriftDocument['quality']> {
  const names = [
    columns.target,
    columns.prediction,
    ...(columns.score === null ? [] : [columns.score]),
  ]
  for (const table of [reference, current])
    for (const name of names)
      if (!table.columns.has(name))
        return unknown(columns, `The quality is unknown: one of the files has no column "${name}".`)
  const before = await outcomesOf(reference, names)
  const now = await outcomesOf(current, names)
  const problem = columns.problem ?? problemOf([...before, ...now].map(({ label }) => label))
  const judged = judgeQuality(
    {
      outcomes: now.map((row) => toOutcome(row, problem)),
      referenceOutcomes: before.map((row) => toOutcome(row, problem)),
      history: [],
      predictions: now.length,
      from: 0,
    },
    {
      problem,
      positive: columns.positive ?? positiveOf(before.map(({ label }) => label)),
      minimumLabels: 50,
      tolerance: 0.1,
    }
  )
  const { state, finding, metrics, referenceMetrics } = judged
  return { problem, state, finding, metrics, referenceMetrics }
}

type Value = Exclude<Scalar, bigint>
type Row = { label: Value; predicted: Value; score: number | null }

async function outcomesOf(table: FileTable, names: readonly string[]): Promise<Row[]> {
  const rows = await table.rowsOf(names, MOST_ROWS)
  return rows.flatMap(([label, predicted, score]) => {
    const [y, p] = [toScalar(label), toScalar(predicted)]
    return y === null || p === null ? [] : [{ label: y, predicted: p, score: toNumber(score) }]
  })
}

function toOutcome({ label, predicted, score }: Row, problem: string) {
  return {
    prediction_at: 0,
    label_json: JSON.stringify(label),
    predicted_json: JSON.stringify(predicted),
    score: problem === 'regression' ? Number(predicted) : score,
  }
}

function problemOf(labels: readonly Value[]): 'binary' | 'multiclass' | 'regression' {
  const classes = new Set(labels)
  const numbers = labels.filter((label) => typeof label === 'number')
  if (numbers.length === labels.length && classes.size > 2) {
    if (!numbers.every(Number.isInteger) || classes.size > MANY_CLASSES) return 'regression'
  }
  return classes.size <= 2 ? 'binary' : 'multiclass'
}

function positiveOf(labels: readonly Value[]): Value {
  const classes = new Set(labels)
  for (const usual of [1, true, '1']) if (classes.has(usual)) return usual
  return [...classes].toSorted((a, b) => (String(a) < String(b) ? -1 : 1)).at(-1) ?? 1
}

const unknown = (columns: QualityColumns, finding: string): DriftDocument['quality'] => ({
  problem: columns.problem ?? 'binary',
  state: 'insufficient',
  finding,
  metrics: {},
  referenceMetrics: null,
})

function toScalar(value: DuckDBValue | undefined): Value | null {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (value === null || value === undefined) return null
  return toNumber(value) ?? value.toString()
}

/** A DECIMAL comes as an object that writes itself as a number. */
function toNumber(value: DuckDBValue | undefined): number | null {
  if (value === null || value === undefined) return null
  const number = Number(typeof value === 'object' ? value.toString() : value)
  return Number.isNaN(number) ? null : number
}
