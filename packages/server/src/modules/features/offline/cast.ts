import type { FeatureType } from '@trestle/contract'
import { sqlType } from './columns.ts'

/** A column of a source file. `isText`: a CSV, where everything is text that has to be parsed. */
export type SourceColumn = Readonly<{ sql: string; type: string; isText: boolean }>

/** `value` is the SQL of the parsed value, `bad` is true where the file holds something that is not of the type, `raw` shows it. */
export type Cast = Readonly<{ value: string; bad: string; raw: string; expected: string }>

const INTEGER = /^(U?(TINY|SMALL|BIG)INT|U?INTEGER|U?HUGEINT)$/
const FRACTION = /^(FLOAT|DOUBLE|DECIMAL\(.*\))$/
const INSTANT = /^(TIMESTAMP.*|DATE)$/

/** How a column becomes a declared type; null when its own type can't. Nothing is lost silently: 1.5 is no integer, text no number. */
export function castColumn(column: SourceColumn, type: FeatureType): Cast | null {
  const { sql, isText } = column
  const target = sqlType(type)
  const parsed = (value: string, extra = 'FALSE'): Cast => ({
    value,
    bad: `${sql} IS NOT NULL AND ((${value}) IS NULL OR ${extra})`,
    raw: sql,
    expected: type,
  })
  const tried = `TRY_CAST(${sql} AS ${target})`
  switch (type) {
    case 'string':
      return isText ||
        column.type === 'VARCHAR' ||
        column.type === 'UUID' ||
        column.type.startsWith('ENUM')
        ? parsed(`CAST(${sql} AS VARCHAR)`)
        : null
    case 'bool':
      return isText || column.type === 'BOOLEAN' ? parsed(tried) : null
    case 'int32':
    case 'int64':
      // DuckDB would round 1.5 to 2. Whole doubles are taken: pandas writes integers with gaps so.
      if (isText)
        return parsed(
          `CASE WHEN regexp_full_match(${sql}, '[-+]?[0-9]+(\\.0*)?') THEN TRY_CAST(regexp_replace(${sql}, '\\.0*$', '') AS ${target}) END`
        )
      if (INTEGER.test(column.type)) return parsed(tried)
      return FRACTION.test(column.type) ? parsed(tried, `${sql} <> trunc(${sql})`) : null
    case 'float32':
    case 'float64':
      return isText || INTEGER.test(column.type) || FRACTION.test(column.type)
        ? parsed(tried)
        : null
    case 'timestamp': {
      if (!isText && !INSTANT.test(column.type) && !INTEGER.test(column.type)) return null
      const instant = instantColumn(column)
      return {
        ...instant,
        value: `CAST(floor((${instant.value}) / 1000) AS BIGINT)`,
        expected: type,
      }
    }
  }
}

/** A column as microseconds since 1970: timestamps and dates, in UTC where they name no zone, ISO text, or epoch milliseconds. */
export function instantColumn({ sql, type, isText }: SourceColumn): Cast {
  const value =
    isText || type === 'VARCHAR'
      ? `CASE WHEN regexp_full_match(${sql}, '-?[0-9]{9,15}') THEN TRY_CAST(${sql} AS BIGINT) * 1000 ELSE epoch_us(TRY_CAST(${sql} AS TIMESTAMPTZ)) END`
      : INTEGER.test(type)
        ? `CAST(${sql} AS BIGINT) * 1000`
        : INSTANT.test(type)
          ? `epoch_us(TRY_CAST(${sql} AS TIMESTAMPTZ))`
          : 'CAST(NULL AS BIGINT)'
  return {
    value,
    bad: `${sql} IS NOT NULL AND (${value}) IS NULL`,
    raw: sql,
    expected: 'an instant',
  }
}
