import type { Scalar } from '../../kernel/scalar.ts'
import type { Values } from './column-buffers.ts'

/** The features that rows of a table lack, known at each row's instant or served now. */
export interface TableFeatures {
  online(request: {
    project: string
    service: string
    rows: readonly Readonly<Record<string, Scalar>>[]
    at: number
  }): Promise<NamedRows> | NamedRows
  historical(request: {
    project: string
    service: string
    rows: readonly Readonly<Record<string, unknown>>[]
  }): Promise<NamedRows>
}

type NamedRows = Readonly<{
  names: readonly string[]
  values: readonly (readonly (Scalar | null)[])[]
}>

/** Features by their name, or by the name behind their view's: `customer_stats__amount_7d` and `customer_stats:amount_7d` both feed `amount_7d`. */
export function pickFeatures(found: NamedRows, wanted: readonly string[]): Map<string, Values> {
  const at = new Map<string, number>()
  for (const [i, name] of found.names.entries()) {
    const short = /(?:__|:)([^:]+)$/.exec(name)?.[1]
    if (short !== undefined && !at.has(short)) at.set(short, i)
  }
  for (const [i, name] of found.names.entries()) at.set(name, i)
  const columns = new Map<string, Values>()
  for (const name of wanted) {
    const column = at.get(name)
    if (column !== undefined)
      columns.set(
        name,
        found.values.map((row) => row[column] ?? null)
      )
  }
  return columns
}

/** The rows of entities that features are asked for. */
export function entityRows(
  entities: ReadonlyMap<string, Values>,
  rows: number
): Record<string, Scalar>[] {
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries([...entities].map(([key, values]) => [key, values[row] ?? '']))
  )
}
