import { benjaminiHochberg } from '@trestle/stats'
import type { ColumnReport, ComparisonOptions } from '@trestle/contract'
import type { ColumnFacts } from './compare-column.ts'

/**
 * A column drifts when its change is both large (effect at or over the threshold) and certain (Benjamini-Hochberg over all tests at the false discovery
 * rate), or when values go missing, leave the range or come in new categories in the same sense. Worst first.
 */
export function judgeColumns(
  facts: readonly ColumnFacts[],
  options: ComparisonOptions
): ColumnReport[] {
  return withStates(facts, options).toSorted(worstFirst)
}

function withStates(facts: readonly ColumnFacts[], options: ComparisonOptions): ColumnReport[] {
  const adjusted = benjaminiHochberg([
    ...facts.map((fact) => fact.pValue ?? NaN),
    ...facts.map((fact) => fact.missingPValue ?? NaN),
    ...facts.map((fact) => fact.outOfRangePValue ?? NaN),
  ])
  return facts.map(({ obstacle, ...fact }, i) => {
    const p = orNull(adjusted[i])
    const missingP = orNull(adjusted[facts.length + i])
    const isChanged =
      p !== null &&
      p <= options.falseDiscoveryRate &&
      fact.effect.value !== null &&
      fact.effect.value >= fact.effect.threshold
    const isMissingMoved =
      missingP !== null &&
      missingP <= options.falseDiscoveryRate &&
      Math.abs(fact.missingShare - fact.referenceMissingShare) >= options.missingThreshold
    const outsideP = orNull(adjusted[2 * facts.length + i])
    const isOutside =
      outsideP !== null &&
      outsideP <= options.falseDiscoveryRate &&
      fact.outOfRangeShare >= options.outsideThreshold
    const state =
      isChanged || isMissingMoved || isOutside
        ? ('drift' as const)
        : fact.pValue === null || fact.effect.value === null
          ? ('insufficient' as const)
          : ('ok' as const)
    return {
      ...fact,
      state,
      adjustedPValue: p,
      missingPValue: missingP,
      outOfRangePValue: outsideP,
      finding: describe(fact, {
        isChanged,
        isMissingMoved,
        isOutside,
        obstacle: state === 'insufficient' ? (obstacle ?? tooFew(fact)) : obstacle,
      }),
    }
  })
}

const orNull = (p: number | undefined): number | null =>
  p === undefined || Number.isNaN(p) ? null : p

const tooFew = (fact: Omit<ColumnFacts, 'obstacle'>): string =>
  fact.values === 0 ? 'no values' : `too few values (${fact.values})`

function describe(
  fact: Omit<ColumnFacts, 'obstacle'>,
  about: {
    isChanged: boolean
    isMissingMoved: boolean
    isOutside: boolean
    obstacle: string | null
  }
): string {
  const { isChanged, isMissingMoved, isOutside, obstacle } = about
  const parts: string[] = obstacle === null ? [] : [obstacle]
  if (fact.invalidShare > 0)
    parts.push(`${percent(fact.invalidShare)} of rows hold ${NOT_OF_KIND[fact.kind]}`)
  if (isMissingMoved && fact.missingShare > fact.invalidShare)
    parts.push(
      `missing in ${percent(fact.missingShare)} of rows, was ${percent(fact.referenceMissingShare)}`
    )
  if (isChanged && fact.kind === 'numeric' && fact.mean !== null && fact.referenceMean !== null)
    parts.push(`mean ${short(fact.mean)}, was ${short(fact.referenceMean)}`)
  if (
    isChanged &&
    (fact.kind === 'text' || fact.kind === 'embedding') &&
    fact.effect.value !== null
  )
    parts.push(
      `a classifier tells current ${fact.kind === 'text' ? 'texts' : 'vectors'} from the reference's (AUC ${fact.effect.value.toFixed(2)})`
    )
  if (isChanged && fact.kind === 'categorical') parts.push(`mix of values changed`)
  if ((isChanged || isOutside) && fact.newCategories.length > 0)
    parts.push(
      `new in ${percent(fact.outOfRangeShare)} of rows: ${fact.newCategories.slice(0, 3).join(', ')}`
    )
  if (fact.kind === 'numeric' && (isOutside || (isChanged && fact.outOfRangeShare >= 0.01)))
    parts.push(`${percent(fact.outOfRangeShare)} outside the range`)
  return parts.join('; ')
}

const NOT_OF_KIND = {
  numeric: 'no number',
  categorical: 'no category',
  text: 'no text',
  embedding: 'no vector',
} as const

/** How many times over its threshold a column is. An area under a curve begins at 0.5. */
function badness({ effect, missingShare, referenceMissingShare }: ColumnReport): number {
  const none = effect.name === 'auc' ? 0.5 : 0
  const over = ((effect.value ?? none) - none) / Math.max(effect.threshold - none, 1e-9)
  return Math.max(over, Math.abs(missingShare - referenceMissingShare) * 10)
}

const RANK = { drift: 0, ok: 1, insufficient: 2 } as const

const worstFirst = (a: ColumnReport, b: ColumnReport): number =>
  RANK[a.state] - RANK[b.state] || badness(b) - badness(a) || (nameOf(a) < nameOf(b) ? -1 : 1)

/** A column, and which part of the rows it is of. */
export const nameOf = ({ column, segment }: ColumnReport): string =>
  segment === null ? column : `${column} [${segment}]`

/** What was found, in plain words. */
export function summarise(columns: readonly ColumnReport[], rows: number): string {
  const drifted = columns.filter((column) => column.state === 'drift')
  const unknown = columns.filter((column) => column.state === 'insufficient').length
  const tail =
    unknown === 0 ? '' : ` ${unknown} of ${columns.length} columns have too few values to tell.`
  if (drifted.length === 0)
    return `No drift in ${columns.length - unknown} columns over ${rows} rows.${tail}`
  const named = drifted
    .slice(0, 3)
    .map((column) => `${nameOf(column)} (${column.finding})`)
    .join(', ')
  const more = drifted.length > 3 ? ` and ${drifted.length - 3} more` : ''
  return `${drifted.length} of ${columns.length} columns drifted over ${rows} rows: ${named}${more}.${tail}`
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`
const short = (value: number): string => String(Number(value.toPrecision(4)))
