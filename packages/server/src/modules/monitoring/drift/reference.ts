import { countBins, createMoments, createRng, quantileBins } from '@trestle/stats'
import { isMissing, toCategory, toNumbers, type ColumnValues } from './column-values.ts'

/** What is kept of a reference column: enough to test any later window, small enough to store. */
export type ReferenceColumn = NumericReference | CategoricalReference

export type NumericReference = Readonly<{
  kind: 'numeric'
  name: string
  source: 'input' | 'output'
  /** Values that were there. */
  count: number
  missing: number
  /** Decile edges, and how many of all values fell under, between and above them. */
  edges: readonly number[]
  counts: readonly number[]
  /** All values, or an even random sample of them when there are many; ascending. */
  sample: readonly number[]
  min: number
  max: number
  mean: number
  deviation: number
}>

export type CategoricalReference = Readonly<{
  kind: 'categorical'
  name: string
  source: 'input' | 'output'
  count: number
  missing: number
  /** By falling count. All of them, or the test would be biased: the most frequent of a sample are so by chance too. */
  categories: readonly { name: string; count: number }[]
  /** Values in categories beyond the most that are kept; above 0 the column has too many to be compared. */
  other: number
}>

export type Reference = Readonly<{
  columns: readonly ReferenceColumn[]
  rows: number
  /** The stretches of time that the rows are of; none for a data set. */
  spans: readonly Span[]
}>

/** A stretch of time: `from` inclusive, `to` exclusive. */
export type Span = Readonly<{ from: number; to: number }>

/** Numbers kept per column for the Kolmogorov-Smirnov test: a sample of a sample is as valid a sample. */
export const SAMPLE_SIZE = 5_000
export const MAX_CATEGORIES = 1_000
/** Whole numbers with no more distinct values than this are categories. */
const FEW_DISTINCT = 10

export function buildReference(
  columns: readonly ColumnValues[],
  about: { rows: number; spans: readonly Span[] },
  sampleSize = SAMPLE_SIZE
): Reference {
  return { ...about, columns: columns.map((column) => describe(column, sampleSize)) }
}

function describe(column: ColumnValues, sampleSize: number): ReferenceColumn {
  const present = column.values.filter((value) => !isMissing(value))
  const missing = column.values.length - present.length
  const base = { name: column.name, source: column.source, count: present.length, missing }
  const isNumeric =
    present.length > 0 && present.every((v) => typeof v === 'number' || typeof v === 'bigint')
  if (isNumeric) {
    const numbers = toNumbers(present)
    const isWhole = numbers.every(Number.isInteger)
    if (!isWhole || new Set(numbers).size > FEW_DISTINCT)
      return { ...base, ...describeNumbers(numbers, sampleSize) }
  }
  const counts = new Map<string, number>()
  for (const value of present) {
    if (value === null) continue
    const name = toCategory(value)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const ordered = [...counts]
    .map(([name, count]) => ({ name, count }))
    .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
  const categories = ordered.slice(0, MAX_CATEGORIES)
  const named = categories.reduce((sum, c) => sum + c.count, 0)
  return { ...base, kind: 'categorical', categories, other: present.length - named }
}

function describeNumbers(numbers: Float64Array, sampleSize: number) {
  const bins = quantileBins(numbers)
  const moments = createMoments()
  moments.updateMany(numbers)
  const { min, max } = moments.toJSON()
  return {
    kind: 'numeric' as const,
    edges: bins.edges,
    counts: countBins(numbers, bins).counts,
    sample: [...sampleOf(numbers, sampleSize).filter(Number.isFinite).toSorted()],
    min: min ?? 0,
    max: max ?? 0,
    mean: moments.count() === 0 ? 0 : moments.mean(),
    deviation: moments.count() < 2 ? 0 : Math.sqrt(moments.variance()),
  }
}

/** An even sample without replacement (Vitter's algorithm R), seeded: the same reference gives the same sample. */
export function sampleOf(numbers: Float64Array, size: number): Float64Array {
  if (numbers.length <= size) return numbers
  const rng = createRng(numbers.length)
  const kept = numbers.slice(0, size)
  for (let i = size; i < numbers.length; i++) {
    const place = Math.floor(rng() * (i + 1))
    if (place < size) kept[place] = numbers[i] ?? 0
  }
  return kept
}
