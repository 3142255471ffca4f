import type { Scalar } from '../../../kernel/scalar.ts'
import type { PredictionRow } from '../inference-log/prediction-row.ts'

/** All values of one column in a window. A missing value is null; NaN counts as missing, an infinity does not. */
export type ColumnValues = Readonly<{
  name: string
  source: 'input' | 'output'
  values: readonly (Scalar | null)[]
}>

/** Rows as columns, in order of first appearance. A column that a row does not have is missing there. */
export function toColumns(
  rows: readonly Pick<PredictionRow, 'inputs' | 'outputs'>[]
): ColumnValues[] {
  return [
    ...gather(
      rows.map((row) => row.inputs),
      'input'
    ),
    ...gather(
      rows.map((row) => row.outputs),
      'output'
    ),
  ]
}

function gather(
  rows: readonly Readonly<Record<string, Scalar | null>>[],
  source: ColumnValues['source']
): ColumnValues[] {
  const columns = new Map<string, (Scalar | null)[]>()
  rows.forEach((row, i) => {
    for (const [name, value] of Object.entries(row)) {
      let values = columns.get(name)
      if (values === undefined) {
        values = new Array<Scalar | null>(rows.length).fill(null)
        columns.set(name, values)
      }
      values[i] = value
    }
  })
  return [...columns].map(([name, values]) => ({ name, source, values }))
}

export const isMissing = (value: Scalar | null): boolean =>
  value === null || (typeof value === 'number' && Number.isNaN(value))

/** The category of a value, as text. */
export const toCategory = (value: Scalar): string => String(value)

export function countCategories(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
