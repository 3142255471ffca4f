export { copyFromDatabaseFile } from './database-file.ts'
export { createDuckDb, type DuckDb } from './duckdb.ts'
export {
  appendColumns,
  isNumberArray,
  numbersOf,
  validityOf,
  type ColumnArray,
  type NumberArray,
} from './column-arrays.ts'
