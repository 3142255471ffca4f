import type { FieldDef } from 'pg'

const TYPES: Readonly<Record<number, string>> = {
  16: 'BOOLEAN',
  17: 'VARCHAR', // bytea, written in hex
  20: 'BIGINT',
  21: 'SMALLINT',
  23: 'INTEGER',
  26: 'BIGINT', // oid
  700: 'FLOAT',
  701: 'DOUBLE',
  1082: 'DATE',
  1083: 'TIME',
  1114: 'TIMESTAMP',
  1184: 'TIMESTAMPTZ',
  2950: 'UUID',
}
const NUMERIC = 1700
const MAX_DIGITS = 38

/** DuckDB's type for a column of PostgreSQL: decimals exactly where their digits are declared, as doubles where they are not, and what has no counterpart as text. */
export function columnType({
  dataTypeID,
  dataTypeModifier,
}: Pick<FieldDef, 'dataTypeID' | 'dataTypeModifier'>): string {
  if (dataTypeID !== NUMERIC) return TYPES[dataTypeID] ?? 'VARCHAR'
  const digits = (dataTypeModifier - 4) >> 16
  const scale = (dataTypeModifier - 4) & 0x7ff
  const isExact = dataTypeModifier >= 4 && digits <= MAX_DIGITS && scale <= digits
  return isExact ? `DECIMAL(${digits}, ${scale})` : 'DOUBLE'
}
