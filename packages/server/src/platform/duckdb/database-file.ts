import { dirname } from 'node:path'
import { quoteName, quoteText } from '../database/index.ts'

/**
 * Writes a table or query of a DuckDB database file into a Parquet file. The file is opened for reading, by an engine of its own that can
 * reach nothing else, so that a query reads this database alone. Throws what DuckDB says, in one line.
 */
export async function copyFromDatabaseFile(
  file: string,
  from: Readonly<{ table: string } | { query: string }>,
  path: string
): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(file, {
    access_mode: 'READ_ONLY',
    memory_limit: '512MB',
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  try {
    await connection.run(`SET TimeZone = 'UTC'`)
    await connection.run(`SET temp_directory = ${quoteText(`${path}.tmp`)}`)
    await connection.run(`SET allowed_directories = [${quoteText(`${dirname(path)}/`)}]`)
    await connection.run('SET enable_external_access = false')
    await connection.run('SET lock_configuration = true')
    const relation =
      'query' in from
        ? `(${from.query.replace(/;\s*$/, '')}\n)`
        : from.table.split('.').map(quoteName).join('.')
    // One prepared statement: nothing that follows it in the text is run.
    const statement = await connection.prepare(
      `COPY (SELECT * FROM ${relation} AS source) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`
    )
    await statement.run()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
