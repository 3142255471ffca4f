import { countBins, quantileBins } from '@trestle/stats'
import {
  MAX_CATEGORIES,
  SAMPLE_SIZE,
  SAMPLED_TEXTS,
  drawEvenly,
  type CategoricalReference,
  type NumericReference,
  type Reference,
  type ReferenceColumn,
} from './reference.ts'

/**
 * Several references as one, newest first: counts and ranges add up, samples are joined by how many values each stands for. A column is of the
 * kind that the newest one says; where another says otherwise, that one is left out.
 */
export function mergeReferences(parts: readonly Reference[]): Reference {
  const segments = new Map<string, Reference[]>()
  for (const part of parts)
    for (const [value, segment] of Object.entries(part.segments ?? {}))
      segments.set(value, [...(segments.get(value) ?? []), segment])
  const columns = new Map<string, ReferenceColumn[]>()
  for (const part of parts)
    for (const column of part.columns) {
      const key = `${column.source}:${column.name}`
      const known = columns.get(key)
      if (known === undefined) columns.set(key, [column])
      else known.push(column)
    }
  return {
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    spans: parts.flatMap((part) => part.spans),
    columns: [...columns.values()].map(mergeColumn),
    segments: Object.fromEntries(
      [...segments].map(([value, group]) => [value, mergeReferences(group)])
    ),
  }
}

function mergeColumn(group: readonly ReferenceColumn[]): ReferenceColumn {
  const [newest] = group
  if (newest === undefined) throw new Error('a column is of a reference')
  if (group.length === 1) return newest
  switch (newest.kind) {
    case 'numeric':
      return mergeNumbers(
        newest,
        group.filter((column) => column.kind === 'numeric')
      )
    case 'categorical':
      return mergeCategories(
        newest,
        group.filter((column) => column.kind === 'categorical')
      )
    case 'text': {
      const parts = group.filter((column) => column.kind === 'text')
      return { ...newest, ...joinEvenly(parts), missing: sumOf(parts, (part) => part.missing) }
    }
    case 'embedding': {
      const parts = group.filter((column) => column.kind === 'embedding')
      return { ...newest, ...joinEvenly(parts), missing: sumOf(parts, (part) => part.missing) }
    }
  }
}

/** Texts or vectors: of each part as large a share of the sample as it has of the values. */
function joinEvenly<T>(parts: readonly { count: number; sample: readonly T[] }[]) {
  const count = sumOf(parts, (part) => part.count)
  const sample = parts.flatMap((part) => {
    const size = Math.round((SAMPLED_TEXTS * part.count) / (count || 1))
    const places = new Set(drawEvenly(Float64Array.from(part.sample.keys()), size))
    return part.sample.filter((_item, i) => places.has(i))
  })
  return { count, sample }
}

function mergeNumbers(
  newest: NumericReference,
  parts: readonly NumericReference[]
): NumericReference {
  const count = sumOf(parts, (part) => part.count)
  const sample = joinSamples(parts, count)
  const bins = quantileBins(sample)
  const mean = sumOf(parts, (part) => part.mean * part.count) / (count || 1)
  const squares = sumOf(
    parts,
    (part) =>
      part.deviation ** 2 * Math.max(0, part.count - 1) + part.count * (part.mean - mean) ** 2
  )
  return {
    ...newest,
    count,
    missing: sumOf(parts, (part) => part.missing),
    edges: bins.edges,
    counts: countBins(sample, bins).counts,
    sample: [...sample.toSorted()],
    min: Math.min(...parts.map((part) => part.min)),
    max: Math.max(...parts.map((part) => part.max)),
    mean,
    deviation: count < 2 ? 0 : Math.sqrt(squares / (count - 1)),
  }
}

/** Of each sample as large a share of it as makes every value of all parts as likely to be in: limited by the part that was sampled most thinly. */
function joinSamples(parts: readonly NumericReference[], count: number): Float64Array {
  const rate = Math.min(
    SAMPLE_SIZE / (count || 1),
    ...parts.filter((part) => part.count > 0).map((part) => part.sample.length / part.count)
  )
  return Float64Array.from(
    parts.flatMap((part) => [
      ...drawEvenly(Float64Array.from(part.sample), Math.round(rate * part.count)),
    ])
  )
}

function mergeCategories(
  newest: CategoricalReference,
  parts: readonly CategoricalReference[]
): CategoricalReference {
  const counts = new Map<string, number>()
  for (const part of parts)
    for (const { name, count } of part.categories) counts.set(name, (counts.get(name) ?? 0) + count)
  const ordered = [...counts]
    .map(([name, count]) => ({ name, count }))
    .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
  const categories = ordered.slice(0, MAX_CATEGORIES)
  const cut = sumOf(ordered.slice(MAX_CATEGORIES), (category) => category.count)
  return {
    ...newest,
    count: sumOf(parts, (part) => part.count),
    missing: sumOf(parts, (part) => part.missing),
    categories,
    other: sumOf(parts, (part) => part.other) + cut,
  }
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0)
