import { countBins, createMoments, createRng } from '@trestle/stats'
import { domainClassifierDrift, textDomainDrift, type DomainOutcome } from '@trestle/stats'
import type { ColumnReport, ComparisonOptions } from '@trestle/contract'
import { effectOfCounts, testCounts } from './categorical-methods.ts'
import type { CurrentColumn } from './current-column.ts'
import { densityOf } from './density.ts'
import { missingPValue } from './missing-test.ts'
import { newCategoriesPValue, rangePValue } from './outside-test.ts'
import { numericEffect, testNumbers } from './numeric-methods.ts'
import { drawEvenly, rankable, type ReferenceColumn } from './reference.ts'

/** What a column says before the window as a whole is judged. p-values are raw. */
export type ColumnFacts = Omit<ColumnReport, 'state' | 'adjustedPValue' | 'finding'> & {
  /** Why there is no effect or p-value, where it is not the number of values. */
  obstacle: string | null
}

type Pair<K extends ReferenceColumn['kind']> = Readonly<{
  reference: ReferenceColumn & { kind: K }
  current: CurrentColumn & { kind: K }
  options: ComparisonOptions
  /** Whether both sides have the values that a test needs. */
  isEnough: boolean
}>

/** A chi-square test needs about this many expected in each cell (Cochran 1954); smaller categories are pooled. */
const LEAST_EXPECTED = 5
const SHOWN_CATEGORIES = 20
const SHOWN_NEW = 5
/** Numbers that a test looks at: with the reference's 5,000, more would tell next to nothing more. */
const MOST_TESTED = 20_000
const NOTHING_SHOWN = { bins: [], reference: [], current: [] }

/** Measures how a column differs from its reference: how much (effect), and how sure that is (p-value). A column with too few values has neither. */
export function compareColumn(
  reference: ReferenceColumn,
  current: CurrentColumn,
  options: ComparisonOptions
): ColumnFacts {
  const { total } = current
  const unread = current.missing + current.invalid
  const values = total - unread
  const referenceTotal = reference.count + reference.missing
  const isEnough = values >= options.minimumRows && reference.count >= options.minimumRows
  return {
    column: reference.name,
    segment: null,
    source: reference.source,
    values,
    missingShare: total === 0 ? 0 : unread / total,
    referenceMissingShare: referenceTotal === 0 ? 0 : reference.missing / referenceTotal,
    invalidShare: total === 0 ? 0 : current.invalid / total,
    missingPValue:
      total < options.minimumRows
        ? null
        : missingPValue(
            { missing: reference.missing, total: referenceTotal },
            { missing: unread, total }
          ),
    newCategories: [],
    outOfRangeShare: 0,
    outOfRangePValue: null,
    mean: null,
    referenceMean: null,
    histogram: NOTHING_SHOWN,
    density: null,
    obstacle: null,
    ...compareKind(reference, current, { options, isEnough }),
  }
}

/** What is said of a column that has nothing to be compared with. */
export const noComparison = (
  column: { name: string; source: 'input' | 'output'; because: string },
  { categorical }: ComparisonOptions
): ColumnFacts => ({
  column: column.name,
  segment: null,
  source: column.source,
  kind: 'categorical',
  values: 0,
  missingShare: 0,
  referenceMissingShare: 0,
  invalidShare: 0,
  missingPValue: null,
  effect: { name: categorical.effect, value: null, threshold: categorical.threshold },
  test: categorical.test,
  pValue: null,
  newCategories: [],
  outOfRangeShare: 0,
  outOfRangePValue: null,
  mean: null,
  referenceMean: null,
  histogram: NOTHING_SHOWN,
  density: null,
  obstacle: column.because,
})

function compareKind(
  reference: ReferenceColumn,
  current: CurrentColumn,
  about: { options: ComparisonOptions; isEnough: boolean }
) {
  if (reference.kind === 'numeric' && current.kind === 'numeric')
    return compareNumbers({ reference, current, ...about })
  if (reference.kind === 'categorical' && current.kind === 'categorical')
    return compareCategories({ reference, current, ...about })
  if (reference.kind === 'text' && current.kind === 'text')
    return compareTexts({ reference, current, ...about })
  if (reference.kind === 'embedding' && current.kind === 'embedding')
    return compareVectors({ reference, current, ...about })
  throw new Error(`a column read as ${current.kind} is compared with one of ${reference.kind}`)
}

function compareNumbers({ reference, current, options, isEnough }: Pair<'numeric'>) {
  const { numbers } = current
  const { counts } = countBins(numbers, { edges: reference.edges })
  const moments = createMoments()
  moments.updateMany(numbers)
  const sides = {
    reference: { ...reference, sample: Float64Array.from(reference.sample) },
    current: { counts, sample: rankable(drawEvenly(numbers, MOST_TESTED)).sort() },
  }
  return {
    kind: 'numeric' as const,
    effect: {
      name: options.numeric.effect,
      value: isEnough ? numericEffect(options.numeric.effect, sides) : null,
      threshold: options.numeric.threshold,
    },
    ...(isEnough
      ? testNumbers(options.numeric.test, sides)
      : { test: options.numeric.test, pValue: null }),
    ...outsideOf(reference, numbers, { declared: options.ranges[reference.name], isEnough }),
    mean: moments.count() === 0 ? null : moments.mean(),
    referenceMean: reference.count === 0 ? null : reference.mean,
    histogram: {
      bins: [...binNames(reference.edges), 'missing'],
      reference: [...reference.counts, reference.missing],
      current: [...counts, current.missing + current.invalid],
    },
    density: densityOf(sides.reference.sample, sides.current.sample),
  }
}

/** A declared range allows for nothing beyond it, that of the reference for what chance alone brings. */
function outsideOf(
  reference: ReferenceColumn & { kind: 'numeric' },
  numbers: Float64Array,
  about: { declared: ComparisonOptions['ranges'][string] | undefined; isEnough: boolean }
) {
  const { sample } = reference
  // Infinities are the ends of the sample, and of no range.
  const { min = -Infinity, max = Infinity } = about.declared ?? {
    min: Math.min(reference.min, sample[0] ?? 0),
    max: Math.max(reference.max, sample.at(-1) ?? 0),
  }
  let below = 0
  let above = 0
  for (const value of rankable(numbers)) {
    if (value < min) below++
    else if (value > max) above++
  }
  const values = numbers.length
  const outside = below + above
  const p =
    about.declared === undefined
      ? rangePValue(reference, { values, below, above })
      : outside === 0
        ? 1
        : 0
  return {
    outOfRangeShare: values === 0 ? 0 : outside / values,
    outOfRangePValue: about.isEnough ? p : null,
  }
}

function compareCategories({ reference, current, options, isEnough }: Pair<'categorical'>) {
  const { counts, other } = current
  const known = new Map(reference.categories.map((c) => [c.name, c.count]))
  const isComparable = isEnough && reference.other === 0
  const fresh = reference.other > 0 ? [] : [...counts.keys()].filter((name) => !known.has(name))
  const freshCount = fresh.reduce((sum, name) => sum + (counts.get(name) ?? 0), other)
  const values = current.total - current.missing
  const both = [
    ...[...new Set([...known.keys(), ...counts.keys()])].map((name) => ({
      reference: known.get(name) ?? 0,
      current: counts.get(name) ?? 0,
    })),
    { reference: 0, current: other },
  ]
  const pooled = poolSmall(both)
  // One category then and now: nothing to test, and nothing that changed.
  const isSame = isComparable && known.size === 1 && counts.size === 1 && freshCount === 0
  const { effect, test, threshold } = options.categorical
  return {
    kind: 'categorical' as const,
    effect: {
      name: effect,
      value: isSame
        ? 0
        : isComparable
          ? effectOfCounts(effect, pooled.reference, pooled.current)
          : null,
      threshold,
    },
    ...(isSame
      ? { test, pValue: 1 }
      : isComparable
        ? testCounts(test, pooled.reference, pooled.current)
        : { test, pValue: null }),
    newCategories: fresh.toSorted().slice(0, 20),
    outOfRangeShare: values === 0 || reference.other > 0 ? 0 : freshCount / values,
    outOfRangePValue: isComparable ? newCategoriesPValue(both) : null,
    histogram: histogramOf(reference, counts, { fresh, missing: current.missing, total: values }),
    obstacle:
      reference.other > 0
        ? `more than ${reference.categories.length.toLocaleString('en')} categories: not compared`
        : null,
  }
}

function compareTexts({ reference, current, options, isEnough }: Pair<'text'>) {
  const lengths = (texts: readonly string[]) =>
    Float64Array.from(texts, (text) => text.length).sort()
  return {
    kind: 'text' as const,
    ...judged(options, isEnough, () =>
      textDomainDrift(reference.sample, current.texts, { rng: createRng(reference.count) })
    ),
    density: densityOf(lengths(reference.sample), lengths(current.texts)),
  }
}

function compareVectors({ reference, current, options, isEnough }: Pair<'embedding'>) {
  const known = reference.sample.map((vector) => Float64Array.from(vector))
  const [size] = known.map((vector) => vector.length)
  const isSameSize = current.vectors.every((vector) => vector.length === size)
  const norms = (vectors: readonly Float64Array[]) =>
    Float64Array.from(vectors, (vector) => Math.hypot(...vector)).sort()
  return {
    kind: 'embedding' as const,
    ...judged(options, isEnough && isSameSize, () =>
      domainClassifierDrift(known, current.vectors, { rng: createRng(reference.count) })
    ),
    density: densityOf(norms(known), norms(current.vectors)),
    obstacle: isSameSize
      ? null
      : `vectors of another length than the ${size ?? 0} of the reference`,
  }
}

function judged(options: ComparisonOptions, isEnough: boolean, run: () => DomainOutcome) {
  const outcome = isEnough ? run() : null
  // Nothing varies on either side: there is nothing to tell apart.
  const isSame = outcome?.kind === 'undefined' && outcome.because === 'no-variation'
  return {
    effect: {
      name: 'auc',
      value: outcome?.kind === 'ok' ? outcome.auc : isSame ? 0.5 : null,
      threshold: options.vectors.threshold,
    },
    test: 'domain classifier',
    pValue: outcome?.kind === 'ok' ? outcome.pValue : isSame ? 1 : null,
  }
}

/** The most frequent categories of the reference and the most frequent new ones by name, the rest together. */
function histogramOf(
  reference: ReferenceColumn & { kind: 'categorical' },
  found: ReadonlyMap<string, number>,
  current: { fresh: readonly string[]; missing: number; total: number }
) {
  const fresh = current.fresh
    .toSorted((a, b) => (found.get(b) ?? 0) - (found.get(a) ?? 0))
    .slice(0, SHOWN_NEW)
  const shown = [
    ...reference.categories.slice(0, SHOWN_CATEGORIES),
    ...fresh.map((name) => ({ name, count: 0 })),
  ]
  const shownReference = shown.map((c) => c.count)
  const shownCurrent = shown.map((c) => found.get(c.name) ?? 0)
  const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)
  return {
    bins: [...shown.map((c) => c.name), 'other', 'missing'],
    reference: [...shownReference, reference.count - sum(shownReference), reference.missing],
    current: [...shownCurrent, current.total - sum(shownCurrent), current.missing],
  }
}

type Counts = { reference: number[]; current: number[] }

/**
 * Pools categories that are too rare for a chi-square test, by what both samples hold of them together: a rule that looked at the reference alone
 * would favour what was frequent in it by chance. One unseen value in a thousand rows so is what it is: nearly nothing.
 */
function poolSmall(categories: readonly { reference: number; current: number }[]): Counts {
  const n = categories.reduce((sum, c) => sum + c.reference, 0)
  const m = categories.reduce((sum, c) => sum + c.current, 0)
  const smaller = Math.min(n, m) / (n + m || 1)
  const isSmall = (c: { reference: number; current: number }): boolean =>
    (c.reference + c.current) * smaller < LEAST_EXPECTED
  const kept = categories.filter((c) => !isSmall(c))
  const rest = { reference: 0, current: 0 }
  for (const c of categories) {
    if (!isSmall(c)) continue
    rest.reference += c.reference
    rest.current += c.current
  }
  const ordered = kept.toSorted((a, b) => b.reference + b.current - a.reference - a.current)
  const last = ordered.at(-1)
  // A rest that is still too small joins the smallest of the others.
  const cells =
    isSmall(rest) && last !== undefined
      ? [
          ...ordered.slice(0, -1),
          { reference: last.reference + rest.reference, current: last.current + rest.current },
        ]
      : [...ordered, rest]
  return { reference: cells.map((c) => c.reference), current: cells.map((c) => c.current) }
}

function binNames(edges: readonly number[]): string[] {
  const text = (edge: number | undefined): string => String(Number((edge ?? 0).toPrecision(4)))
  if (edges.length === 0) return ['all']
  return [
    `< ${text(edges[0])}`,
    ...edges.slice(1).map((edge, i) => `${text(edges[i])} – ${text(edge)}`),
    `> ${text(edges.at(-1))}`,
  ]
}
