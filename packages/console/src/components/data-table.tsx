import type { ReactNode } from 'react'

export type Column<Row> = Readonly<{
  header: ReactNode
  /** Numbers stand right, so that their digits line up. */
  isRight?: boolean
  width?: number | string
  cell: (row: Row) => ReactNode
}>

type DataTableProps<Row> = Readonly<{
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string
  footer?: ReactNode
}>

export function DataTable<Row>({ label, columns, rows, keyOf, footer }: DataTableProps<Row>) {
  return (
    <table className="table" aria-label={label}>
      <thead>
        <tr>
          {columns.map((column, i) => (
            <th
              key={i}
              className={column.isRight === true ? 'right' : undefined}
              style={{ width: column.width }}
            >
              {column.header}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map((column, i) => (
              <td key={i} className={column.isRight === true ? 'right' : undefined}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
        {footer}
      </tbody>
    </table>
  )
}

/** A number with its unit set smaller. */
export function Figure({ value, unit }: { value: string; unit?: string }) {
  return (
    <span className="num">
      {value}
      {unit === undefined ? null : <span className="unit">{unit}</span>}
    </span>
  )
}
