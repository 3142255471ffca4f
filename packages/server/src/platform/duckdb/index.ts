export { createDuckDb, type DuckDb } from './duckdb.ts'
