import type { DuckDBConnection } from '@duckdb/node-api'

/** What a vector of doubles is inside; the engine's types hide it, and a call for each value costs ten times as much. */
type DoubleVector = Readonly<{ items?: unknown }>

/** The numbers of a one-column query of doubles without NULL, NaN left out and counted. `capacity` is the most rows there can be. */
export async function gatherNumbers(
  connection: DuckDBConnection,
  query: { sql: string; capacity: number }
): Promise<{ numbers: Float64Array; missing: number }> {
  const result = await connection.stream(query.sql)
  const numbers = new Float64Array(query.capacity)
  let size = 0
  let rows = 0
  for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
    if (chunk.rowCount === 0) break
    const { items } = chunk.getColumnVector(0) as unknown as DoubleVector
    if (!(items instanceof Float64Array)) throw new Error('a column of doubles is not one')
    for (let i = 0; i < chunk.rowCount; i++) {
      const value = items[i] ?? NaN
      if (value === value) numbers[size++] = value
    }
    rows += chunk.rowCount
  }
  return { numbers: numbers.subarray(0, size), missing: rows - size }
}
