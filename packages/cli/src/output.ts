type Cell = string | number | boolean | null | undefined

/** A column of a table: its title and what it shows of a row. */
export type Column<T> = readonly [title: string, cell: (row: T) => Cell]

export interface Output {
  /** A list: a table for people, the rows themselves as JSON. */
  table<T>(rows: readonly T[], columns: readonly Column<T>[], empty: string): void
  /** One thing: `name  value` lines for people, the thing itself as JSON. */
  record(value: object, fields: readonly (readonly [string, Cell])[]): void
  /** The thing itself, when JSON is asked for; answers whether it was. What follows is then for people alone. */
  json(value: unknown): boolean
  /** A sentence for people; with `--json` nothing. */
  say(text: string): void
  readonly isJson: boolean
}

export function createOutput(isJson: boolean): Output {
  const print = (text: string): void => void process.stdout.write(`${text}\n`)
  const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2))
  return {
    isJson,
    json: (value) => {
      if (isJson) printJson(value)
      return isJson
    },
    say: (text) => {
      if (!isJson) print(text)
    },
    table(rows, columns, empty) {
      if (isJson) printJson(rows)
      else if (rows.length === 0) print(empty)
      else
        print(
          layOut([
            columns.map(([title]) => title.toUpperCase()),
            ...rows.map((row) => columns.map(([, cell]) => show(cell(row)))),
          ])
        )
    },
    record(value, fields) {
      if (isJson) printJson(value)
      else print(layOut(fields.map(([name, cell]) => [name, show(cell)])))
    },
  }
}

const show = (cell: Cell): string =>
  cell === null || cell === undefined || cell === '' ? '–' : String(cell)

function layOut(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length))
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

/** Epoch milliseconds as local `2026-11-23 18:04`; null as a dash. */
export function showTime(at: number | null): string | null {
  if (at === null) return null
  const d = new Date(at)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`
}
