/** Apache Arrow's IPC format from and to the analytical engine. */
export { arrowBytes } from './from-duckdb.ts'
export { arrowIntoTable } from './to-duckdb.ts'
