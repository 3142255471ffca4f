import type { MonitorSpec } from '@trestle/contract'
import type { ColumnValues } from './column-values.ts'
import type { Reference, ReferenceColumn } from './reference.ts'

/** A column of the reference beside the same of the window, or why there is no such pair. */
export type Match =
  | Readonly<{ kind: 'pair'; reference: ReferenceColumn; current: ColumnValues }>
  | Readonly<{ kind: 'single'; name: string; source: 'input' | 'output'; because: string }>

/**
 * Which columns a monitor compares. A column that the log once had and the window has not is missing there. A data set is another matter: it may well
 * hold what is never served (the label, an id), so of its columns only those count as missing that the monitor names.
 */
export function matchColumns(
  reference: Reference,
  current: readonly ColumnValues[],
  { rows, spec }: { rows: number; spec: MonitorSpec }
): Match[] {
  const found = new Map(current.map((column) => [keyOf(column), column]))
  const isOfLog = reference.spans.length > 0
  const isNamed = (name: string): boolean => spec.columns !== 'all' && spec.columns.includes(name)
  const isWatched = ({ source, name }: Pick<ReferenceColumn, 'source' | 'name'>): boolean =>
    source === 'output' ? spec.watchOutputs : spec.columns === 'all' || isNamed(name)

  const known = reference.columns.filter(isWatched).map((column): Match => {
    // A data set knows no outputs: its column of that name is one.
    const there = found.get(keyOf(column)) ?? (isOfLog ? undefined : outputNamed(found, column))
    if (there !== undefined && isWatched(there))
      return { kind: 'pair', reference: { ...column, source: there.source }, current: there }
    if (!isOfLog && !isNamed(column.name))
      return { kind: 'single', ...about(column), because: 'not in the log' }
    const values = new Array<null>(rows).fill(null)
    return { kind: 'pair', reference: column, current: { ...about(column), values } }
  })
  const paired = new Set(known.map((match) => keyOf(aboutMatch(match))))
  const fresh = current
    .filter((column) => isWatched(column) && !paired.has(keyOf(column)))
    .filter((column) => isOfLog || column.source === 'input')
    .map(about)
  const named = spec.columns === 'all' ? [] : spec.columns
  const nowhere = named
    .map((name) => ({ name, source: 'input' as const }))
    .filter((column) => !paired.has(keyOf(column)) && !found.has(keyOf(column)))
  return [
    ...known,
    ...[...fresh, ...nowhere].map((column): Match => ({
      kind: 'single',
      ...column,
      because: 'not in the reference',
    })),
  ]
}

type About = Pick<ReferenceColumn, 'name' | 'source'>

const about = ({ name, source }: About): About => ({ name, source })

const aboutMatch = (match: Match): About => (match.kind === 'pair' ? match.reference : match)

const keyOf = ({ name, source }: About): string => `${source}:${name}`

const outputNamed = (
  found: ReadonlyMap<string, ColumnValues>,
  { name }: About
): ColumnValues | undefined => found.get(keyOf({ name, source: 'output' }))
