import { countBins, createMoments, createRng, quantileBins } from '@trestle/stats'
import type { Scalar } from '../../../kernel/scalar.ts'
import { countCategories, isMissing, toCategory, type ColumnValues } from './column-values.ts'

/** What is kept of a reference column: enough to test any later window, small enough to store. */
export type ReferenceColumn =
  NumericReference | CategoricalReference | TextReference | EmbeddingReference

type Base = Readonly<{
  name: string
  source: 'input' | 'output'
  /** Values that were there. */
  count: number
  missing: number
}>

export type NumericReference = Base &
  Readonly<{
    kind: 'numeric'
    /** Decile edges, and how many of all values fell under, between and above them. */
    edges: readonly number[]
    counts: readonly number[]
    /** All values, or an even random sample of them when there are many; ascending, infinities as the largest numbers there are. */
    sample: readonly number[]
    min: number
    max: number
    mean: number
    deviation: number
  }>

export type CategoricalReference = Base &
  Readonly<{
    kind: 'categorical'
    /** By falling count. All of them, or the test would be biased: the most frequent of a sample are so by chance too. */
    categories: readonly { name: string; count: number }[]
    /** Values in categories beyond the most that are kept; above 0 the column has too many to be compared. */
    other: number
  }>

/** Texts that are nearly all different. */
export type TextReference = Base & Readonly<{ kind: 'text'; sample: readonly string[] }>

export type EmbeddingReference = Base &
  Readonly<{ kind: 'embedding'; sample: readonly (readonly number[])[] }>

export type Reference = Readonly<{
  columns: readonly ReferenceColumn[]
  rows: number
  /** The stretches of time that the rows are of; none for a data set. */
  spans: readonly Span[]
  /** The same of the parts that are judged on their own, by their value. */
  segments?: Readonly<Record<string, Reference>>
}>

/** A stretch of time: `from` inclusive, `to` exclusive. */
export type Span = Readonly<{ from: number; to: number }>

/** Numbers kept per column for the Kolmogorov-Smirnov test: a sample of a sample is as valid a sample. */
export const SAMPLE_SIZE = 5_000
export const MAX_CATEGORIES = 1_000
/** Whole numbers with no more distinct values than this are categories. */
const FEW_DISTINCT = 10
export const SAMPLED_TEXTS = 1_000
const TEXT_LENGTH = 500
const SAMPLED_VECTOR_NUMBERS = 200_000

export function buildReference(
  columns: readonly ColumnValues[],
  about: { rows: number; spans: readonly Span[] },
  sampleSize = SAMPLE_SIZE
): Reference {
  return { ...about, columns: columns.map((column) => describe(column, sampleSize)) }
}

function describe({ name, source, values }: ColumnValues, sampleSize: number): ReferenceColumn {
  const present = values.filter((value): value is Scalar => !isMissing(value))
  const base = { name, source, count: present.length, missing: values.length - present.length }
  const isNumeric =
    present.length > 0 && present.every((v) => typeof v === 'number' || typeof v === 'bigint')
  const numbers = isNumeric ? Float64Array.from(present, Number) : null
  if (numbers !== null && !isFew(numbers))
    return { ...base, ...describeNumbers(numbers, sampleSize) }
  const counts = countCategories(present.map(toCategory))
  const texts = present.filter((value) => typeof value === 'string')
  return isText(texts, counts.size)
    ? { ...base, ...describeTexts(texts) }
    : { ...base, ...describeCategories(counts, present.length) }
}

/** Whole numbers of few kinds stand for categories. */
export function isFew(numbers: Float64Array): boolean {
  const found = new Set<number>()
  for (const value of numbers) {
    if (!Number.isInteger(value)) return false
    if (found.add(value).size > FEW_DISTINCT) return false
  }
  return true
}

/** Whether strings are to be read rather than counted: most are different, and many have words. Identifiers have none. */
export function isText(texts: readonly string[], distinct: number): boolean {
  if (texts.length === 0 || distinct <= texts.length / 2) return false
  const withWords = texts.filter((text) => /\s/.test(text.trim()) || text.length > 40).length
  return withWords >= texts.length / 3
}

export function describeNumbers(numbers: Float64Array, sampleSize = SAMPLE_SIZE) {
  const bins = quantileBins(numbers)
  const moments = createMoments()
  moments.updateMany(numbers)
  const { min, max } = moments.toJSON()
  return {
    kind: 'numeric' as const,
    edges: bins.edges,
    counts: countBins(numbers, bins).counts,
    sample: [...rankable(drawEvenly(numbers, sampleSize)).sort()],
    min: min ?? 0,
    max: max ?? 0,
    mean: moments.count() === 0 ? 0 : moments.mean(),
    deviation: moments.count() < 2 ? 0 : Math.sqrt(moments.variance()),
  }
}

/** `total` are all values, `counts` those that were counted by category, at least the most frequent ones. */
export function describeCategories(counts: ReadonlyMap<string, number>, total: number) {
  const ordered = [...counts]
    .map(([name, count]) => ({ name, count }))
    .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
  const categories = ordered.slice(0, MAX_CATEGORIES)
  const named = categories.reduce((sum, c) => sum + c.count, 0)
  return { kind: 'categorical' as const, categories, other: total - named }
}

export function describeTexts(texts: readonly string[]) {
  const places = Float64Array.from(texts, (_text, i) => i)
  const sample = Array.from(drawEvenly(places, SAMPLED_TEXTS), (i) =>
    (texts[i] ?? '').slice(0, TEXT_LENGTH)
  )
  return { kind: 'text' as const, sample }
}

export function describeVectors(vectors: readonly Float64Array[]) {
  const size = vectors[0]?.length ?? 1
  const places = Float64Array.from(vectors, (_vector, i) => i)
  const kept = Math.min(SAMPLED_TEXTS, Math.max(50, Math.floor(SAMPLED_VECTOR_NUMBERS / size)))
  return {
    kind: 'embedding' as const,
    sample: Array.from(drawEvenly(places, kept), (i) => Array.from(vectors[i] ?? [], Math.fround)),
  }
}

/** Infinities as the largest numbers there are: they keep their rank, and JSON can hold them. */
export function rankable(numbers: Float64Array): Float64Array {
  const ranked = numbers.slice()
  for (const [i, value] of ranked.entries())
    if (value - value !== 0) ranked[i] = value > 0 ? Number.MAX_VALUE : -Number.MAX_VALUE
  return ranked
}

/** An even sample without replacement (Vitter's algorithm R), seeded: the same numbers give the same sample. */
export function drawEvenly(numbers: Float64Array, size: number): Float64Array {
  if (numbers.length <= size) return numbers
  const rng = createRng(numbers.length)
  const kept = numbers.slice(0, size)
  for (let i = size; i < numbers.length; i++) {
    const place = Math.floor(rng() * (i + 1))
    if (place < size) kept[place] = numbers[i] ?? 0
  }
  return kept
}
