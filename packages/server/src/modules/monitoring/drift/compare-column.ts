import {
  chiSquareContingency,
  countBins,
  createMoments,
  jensenShannonDistance,
  kolmogorovSmirnov,
  psiOfCounts,
  wassersteinDistance,
} from '@trestle/stats'
import type { ColumnReport, MonitorSpec } from '@trestle/contract'
import { isMissing, toCategory, toNumbers, type ColumnValues } from './column-values.ts'
import { missingPValue } from './missing-test.ts'
import {
  MAX_CATEGORIES,
  type CategoricalReference,
  type NumericReference,
  type ReferenceColumn,
} from './reference.ts'

export type CompareOptions = Pick<MonitorSpec, 'numeric' | 'categorical' | 'minimumRows'>

/** What a column says before the window as a whole is judged. p-values are raw. */
export type ColumnFacts = Omit<ColumnReport, 'state' | 'adjustedPValue' | 'finding'> & {
  /** Why the column can't be compared, in plain words; null when it can. */
  obstacle: string | null
}

/** A chi-square test needs about this many expected in each cell (Cochran 1954); smaller categories are pooled. */
const LEAST_EXPECTED = 5
const SHOWN_CATEGORIES = 20

/** Measures how a column differs from its reference: how much (effect), and how sure that is (p-value). A column with too few values has neither. */
export function compareColumn(
  reference: ReferenceColumn,
  current: ColumnValues,
  options: CompareOptions
): ColumnFacts {
  const total = current.values.length
  const present = current.values.filter((value) => !isMissing(value))
  const missing = total - present.length
  const referenceTotal = reference.count + reference.missing
  const base = {
    column: reference.name,
    source: reference.source,
    values: present.length,
    missingShare: total === 0 ? 0 : missing / total,
    referenceMissingShare: referenceTotal === 0 ? 0 : reference.missing / referenceTotal,
    missingPValue:
      total < options.minimumRows
        ? null
        : missingPValue({ missing: reference.missing, total: referenceTotal }, { missing, total }),
  }
  const isEnough = present.length >= options.minimumRows && reference.count >= options.minimumRows
  const obstacle = isEnough ? null : sayTooFew(reference, present.length)
  return reference.kind === 'numeric'
    ? {
        ...base,
        obstacle,
        ...compareNumbers(reference, toNumbers(present), missing, { ...options, isEnough }),
      }
    : {
        ...base,
        obstacle: reference.other > 0 ? TOO_MANY_CATEGORIES : obstacle,
        ...compareCategories(
          reference,
          present.flatMap((value) => (value === null ? [] : [toCategory(value)])),
          missing,
          { ...options, isEnough }
        ),
      }
}

const TOO_MANY_CATEGORIES = `more than ${MAX_CATEGORIES} categories in the reference`

function sayTooFew(reference: ReferenceColumn, values: number): string {
  if (reference.count === 0) return 'no values in the reference'
  return values === 0 ? 'no values in the window' : 'too few values'
}

/** What is said of a column that has nothing to be compared with. */
export const noComparison = (
  column: { name: string; source: 'input' | 'output'; because: string },
  options: CompareOptions
): ColumnFacts => ({
  column: column.name,
  source: column.source,
  kind: 'categorical',
  values: 0,
  missingShare: 0,
  referenceMissingShare: 0,
  missingPValue: null,
  effect: {
    name: options.categorical.effect,
    value: null,
    threshold: options.categorical.threshold,
  },
  test: 'none',
  pValue: null,
  newCategories: [],
  outOfRangeShare: 0,
  mean: null,
  referenceMean: null,
  histogram: { bins: [], reference: [], current: [] },
  obstacle: column.because,
})

type Options = CompareOptions & { isEnough: boolean }

// eslint-disable-next-line max-params -- four plain facts of one comparison
function compareNumbers(
  reference: NumericReference,
  numbers: Float64Array,
  missing: number,
  options: Options
) {
  const { counts } = countBins(numbers, { edges: reference.edges })
  const moments = createMoments()
  moments.updateMany(numbers)
  const outside = (counts[0] ?? 0) + (counts.at(-1) ?? 0)
  return {
    kind: 'numeric' as const,
    effect: {
      name: options.numeric.effect,
      value: options.isEnough ? numericEffect(reference, numbers, { counts, ...options }) : null,
      threshold: options.numeric.threshold,
    },
    test: 'Kolmogorov-Smirnov',
    pValue: options.isEnough ? pOf(kolmogorovSmirnov(reference.sample, numbers)) : null,
    newCategories: [],
    outOfRangeShare: numbers.length === 0 ? 0 : outside / numbers.length,
    mean: moments.count() === 0 ? null : moments.mean(),
    referenceMean: reference.count === 0 ? null : reference.mean,
    histogram: {
      bins: [...binNames(reference.edges), 'missing'],
      reference: [...reference.counts, reference.missing],
      current: [...counts, missing],
    },
  }
}

function numericEffect(
  reference: NumericReference,
  numbers: Float64Array,
  options: Options & { counts: readonly number[] }
): number | null {
  if (options.numeric.effect === 'psi') {
    const psi = psiOfCounts(reference.counts, options.counts)
    return psi.kind === 'ok' ? psi.corrected : null
  }
  const distance = wassersteinDistance(reference.sample, numbers.filter(Number.isFinite))
  if (distance.kind !== 'ok') return null
  // A constant reference has no scale of its own: any move is then as large as can be.
  if (reference.deviation === 0) return distance.value === 0 ? 0 : Number.MAX_VALUE
  return distance.value / reference.deviation
}

// eslint-disable-next-line max-params -- four plain facts of one comparison
function compareCategories(
  reference: CategoricalReference,
  categories: readonly string[],
  missing: number,
  options: Options
) {
  const found = new Map<string, number>()
  for (const name of categories) found.set(name, (found.get(name) ?? 0) + 1)
  const known = new Map(reference.categories.map((c) => [c.name, c.count]))
  const isComparable = options.isEnough && reference.other === 0
  // One category then and now: nothing to test, and nothing that changed.
  const isSame =
    isComparable && known.size === 1 && found.size === 1 && known.has([...found.keys()][0] ?? '')
  const fresh = reference.other > 0 ? [] : [...found.keys()].filter((name) => !known.has(name))
  const freshCount = fresh.reduce((sum, name) => sum + (found.get(name) ?? 0), 0)
  const pooled = poolSmall(
    [...new Set([...known.keys(), ...found.keys()])].map((name) => ({
      reference: known.get(name) ?? 0,
      current: found.get(name) ?? 0,
    }))
  )
  return {
    kind: 'categorical' as const,
    effect: {
      name: options.categorical.effect,
      value: isSame ? 0 : isComparable ? categoricalEffect(pooled, options) : null,
      threshold: options.categorical.threshold,
    },
    test: 'chi-square contingency',
    pValue: isSame
      ? 1
      : isComparable
        ? pOf(chiSquareContingency([pooled.reference, pooled.current]))
        : null,
    newCategories: fresh.toSorted().slice(0, 20),
    outOfRangeShare: categories.length === 0 ? 0 : freshCount / categories.length,
    mean: null,
    referenceMean: null,
    histogram: histogramOf(reference, found, { missing, total: categories.length }),
  }
}

/** The most frequent categories by name, the rest together. */
function histogramOf(
  reference: CategoricalReference,
  found: ReadonlyMap<string, number>,
  current: { missing: number; total: number }
) {
  const shown = reference.categories.slice(0, SHOWN_CATEGORIES)
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

function categoricalEffect(pooled: Counts, options: Options): number | null {
  if (options.categorical.effect === 'psi') {
    const psi = psiOfCounts(pooled.reference, pooled.current)
    return psi.kind === 'ok' ? psi.corrected : null
  }
  const distance = jensenShannonDistance(pooled.reference, pooled.current)
  return distance.kind === 'ok' ? distance.value : null
}

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

const pOf = (outcome: { kind: 'ok'; pValue: number } | { kind: 'undefined' }): number | null =>
  outcome.kind === 'ok' ? outcome.pValue : null

function binNames(edges: readonly number[]): string[] {
  const text = (edge: number | undefined): string => String(Number((edge ?? 0).toPrecision(4)))
  if (edges.length === 0) return ['all']
  return [
    `< ${text(edges[0])}`,
    ...edges.slice(1).map((edge, i) => `${text(edges[i])} – ${text(edge)}`),
    `> ${text(edges.at(-1))}`,
  ]
}
