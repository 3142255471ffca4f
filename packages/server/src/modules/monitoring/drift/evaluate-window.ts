import { benjaminiHochberg } from '@trestle/stats'
import type { ColumnReport, MonitorSpec } from '@trestle/contract'
import { toColumns } from './column-values.ts'
import { compareColumn, noComparison, type ColumnFacts } from './compare-column.ts'
import { matchColumns } from './match-columns.ts'
import type { PredictionRow } from '../inference-log/prediction-row.ts'
import type { Reference } from './reference.ts'

export type WindowVerdict = Readonly<{
  state: 'ok' | 'drift' | 'insufficient'
  /** Worst first. */
  columns: readonly ColumnReport[]
  drifted: readonly string[]
  summary: string
}>

/**
 * Judges a window. A column drifts when its change is both large (effect at or over the threshold) and certain (Benjamini-Hochberg over every test of the
 * window at the monitor's false discovery rate), or when values go missing in the same sense. A small window is `insufficient`, never `ok`.
 */
export function evaluateWindow(
  reference: Reference,
  rows: readonly Pick<PredictionRow, 'inputs' | 'outputs'>[],
  spec: MonitorSpec
): WindowVerdict {
  if (rows.length < spec.minimumRows)
    return {
      state: 'insufficient',
      columns: [],
      drifted: [],
      summary: `${rows.length} rows in the window; at least ${spec.minimumRows} are needed to say anything.`,
    }
  const matches = matchColumns(reference, toColumns(rows), { rows: rows.length, spec })
  const facts = matches.map((match) =>
    match.kind === 'pair'
      ? compareColumn(match.reference, match.current, spec)
      : noComparison(match, spec)
  )
  const columns = judge(facts, spec).toSorted(worstFirst)
  const drifted = columns.filter((column) => column.state === 'drift')
  const known = columns.filter((column) => column.state !== 'insufficient')
  const state = drifted.length > 0 ? 'drift' : known.length === 0 ? 'insufficient' : 'ok'
  return {
    state,
    columns,
    drifted: drifted.map((column) => column.column),
    summary: summarise(columns, rows.length),
  }
}

function judge(facts: readonly ColumnFacts[], spec: MonitorSpec): ColumnReport[] {
  const adjusted = benjaminiHochberg([
    ...facts.map((fact) => fact.pValue ?? NaN),
    ...facts.map((fact) => fact.missingPValue ?? NaN),
  ])
  return facts.map(({ obstacle, ...fact }, i) => {
    const p = orNull(adjusted[i])
    const missingP = orNull(adjusted[facts.length + i])
    const isChanged =
      p !== null &&
      p <= spec.falseDiscoveryRate &&
      fact.effect.value !== null &&
      fact.effect.value >= fact.effect.threshold
    const isMissingMoved =
      missingP !== null &&
      missingP <= spec.falseDiscoveryRate &&
      Math.abs(fact.missingShare - fact.referenceMissingShare) >= spec.missingThreshold
    const state =
      isChanged || isMissingMoved
        ? ('drift' as const)
        : fact.pValue === null || fact.effect.value === null
          ? ('insufficient' as const)
          : ('ok' as const)
    return {
      ...fact,
      state,
      adjustedPValue: p,
      missingPValue: missingP,
      finding: obstacle ?? describe(fact, { isChanged, isMissingMoved }),
    }
  })
}

const orNull = (p: number | undefined): number | null =>
  p === undefined || Number.isNaN(p) ? null : p

function describe(
  fact: Omit<ColumnFacts, 'obstacle'>,
  { isChanged, isMissingMoved }: { isChanged: boolean; isMissingMoved: boolean }
): string {
  const parts: string[] = []
  if (isMissingMoved)
    parts.push(
      `missing in ${percent(fact.missingShare)} of rows, was ${percent(fact.referenceMissingShare)}`
    )
  if (isChanged && fact.kind === 'numeric' && fact.mean !== null && fact.referenceMean !== null)
    parts.push(`mean ${short(fact.mean)}, was ${short(fact.referenceMean)}`)
  if (isChanged && fact.kind === 'categorical') parts.push(`mix of values changed`)
  if (isChanged && fact.newCategories.length > 0)
    parts.push(`new: ${fact.newCategories.slice(0, 3).join(', ')}`)
  if (isChanged && fact.kind === 'numeric' && fact.outOfRangeShare >= 0.01)
    parts.push(`${percent(fact.outOfRangeShare)} outside the reference's range`)
  return parts.join('; ')
}

/** How many times over its threshold a column is. */
const badness = (column: ColumnReport): number =>
  Math.max(
    (column.effect.value ?? 0) / column.effect.threshold,
    Math.abs(column.missingShare - column.referenceMissingShare) * 10
  )

const RANK = { drift: 0, ok: 1, insufficient: 2 } as const

const worstFirst = (a: ColumnReport, b: ColumnReport): number =>
  RANK[a.state] - RANK[b.state] || badness(b) - badness(a) || (a.column < b.column ? -1 : 1)

function summarise(columns: readonly ColumnReport[], rows: number): string {
  const drifted = columns.filter((column) => column.state === 'drift')
  const unknown = columns.filter((column) => column.state === 'insufficient').length
  const tail = unknown === 0 ? '' : ` ${unknown} of ${columns.length} columns cannot be told.`
  if (drifted.length === 0)
    return `No drift in ${columns.length - unknown} columns over ${rows} rows.${tail}`
  const named = drifted
    .slice(0, 3)
    .map((column) => `${column.column} (${column.finding})`)
    .join(', ')
  const more = drifted.length > 3 ? ` and ${drifted.length - 3} more` : ''
  return `${drifted.length} of ${columns.length} columns drifted over ${rows} rows: ${named}${more}.${tail}`
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`
const short = (value: number): string => String(Number(value.toPrecision(4)))
