import type { Rng } from '@trestle/stats'
import { comparisonOptions, type ComparisonOptions } from '../../packages/contract/src/index.ts'
import {
  compareColumn,
  type ColumnFacts,
} from '../../packages/server/src/modules/monitoring/drift/compare-column.ts'
import type { CurrentColumn } from '../../packages/server/src/modules/monitoring/drift/current-column.ts'
import {
  describeCategories,
  describeNumbers,
  type ReferenceColumn,
} from '../../packages/server/src/modules/monitoring/drift/reference.ts'

export const defaults: ComparisonOptions = comparisonOptions.parse({})

/** A column: draws one value; NaN is missing. */
export type ColumnOf = { name: string; kind: 'numeric' | 'categorical'; draw: (rng: Rng) => number }

export const normal = (rng: Rng): number =>
  Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng())

const zipf = Array.from({ length: 20 }, (_, i) => 1 / (i + 1))
const zipfSum = zipf.reduce((a, b) => a + b, 0)
function zipfDraw(rng: Rng): number {
  let left = rng() * zipfSum
  return zipf.findIndex((weight) => (left -= weight) < 0)
}

/** Ten columns as they come: bell, skewed, heavy tails, flat, two humps, with gaps; two, two uneven, five and twenty categories. */
export const COLUMNS: readonly ColumnOf[] = [
  { name: 'normal', kind: 'numeric', draw: normal },
  { name: 'lognormal', kind: 'numeric', draw: (rng) => Math.exp(normal(rng)) },
  {
    name: 'heavy tails',
    kind: 'numeric',
    draw: (rng) =>
      normal(rng) / Math.sqrt((normal(rng) ** 2 + normal(rng) ** 2 + normal(rng) ** 2) / 3),
  },
  { name: 'uniform', kind: 'numeric', draw: (rng) => rng() },
  { name: 'two humps', kind: 'numeric', draw: (rng) => normal(rng) + (rng() < 0.5 ? 0 : 6) },
  { name: 'with gaps', kind: 'numeric', draw: (rng) => (rng() < 0.1 ? NaN : normal(rng)) },
  { name: 'even', kind: 'categorical', draw: (rng) => Math.floor(rng() * 2) },
  { name: 'rare', kind: 'categorical', draw: (rng) => (rng() < 0.02 ? 1 : 0) },
  { name: '5 categories', kind: 'categorical', draw: (rng) => Math.floor(rng() * 5) },
  { name: '20 categories', kind: 'categorical', draw: zipfDraw },
]

type Drawn = { numbers: Float64Array; missing: number }

function drawMany(column: ColumnOf, rows: number, rng: Rng): Drawn {
  const numbers = new Float64Array(rows)
  let size = 0
  for (let i = 0; i < rows; i++) {
    const value = column.draw(rng)
    if (!Number.isNaN(value)) numbers[size++] = value
  }
  return { numbers: numbers.slice(0, size), missing: rows - size }
}

function count(numbers: Float64Array): Map<string, number> {
  const counts = new Map<string, number>()
  for (const value of numbers) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
  return counts
}

export function referenceOf(column: ColumnOf, rows: number, rng: Rng): ReferenceColumn {
  const { numbers, missing } = drawMany(column, rows, rng)
  const base = { name: column.name, source: 'input' as const, count: numbers.length, missing }
  return column.kind === 'numeric'
    ? { ...base, ...describeNumbers(numbers) }
    : { ...base, ...describeCategories(count(numbers), numbers.length) }
}

export function factsOf(
  reference: ReferenceColumn,
  column: ColumnOf,
  about: { rows: number; rng: Rng; options?: ComparisonOptions }
): ColumnFacts {
  const { numbers, missing } = drawMany(column, about.rows, about.rng)
  const base = { total: about.rows, missing, invalid: 0 }
  const current: CurrentColumn =
    column.kind === 'numeric'
      ? { ...base, kind: 'numeric', numbers }
      : { ...base, kind: 'categorical', counts: count(numbers), other: 0 }
  return compareColumn(reference, current, about.options ?? defaults)
}
