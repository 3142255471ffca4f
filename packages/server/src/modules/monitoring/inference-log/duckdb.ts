import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'

/** Analytic SQL over Parquet. The engine is loaded at the first call: a server that has seen no traffic never pays for it. */
export interface Analytics {
  run(sql: string): Promise<void>
  rows(sql: string, parameters?: Record<string, DuckDBValue>): Promise<Record<string, unknown>[]>
  close(): void
}

export function createAnalytics(options: { threads: number; memoryMb: number }): Analytics {
  let opening: Promise<DuckDBConnection> | null = null
  let isClosed = false

  const connect = (): Promise<DuckDBConnection> => {
    if (isClosed) throw new Error('The analytics engine is closed')
    return (opening ??= (async () => {
      const { DuckDBInstance } = await import('@duckdb/node-api')
      const instance = await DuckDBInstance.create(':memory:', {
        threads: String(options.threads),
        memory_limit: `${options.memoryMb}MB`,
        preserve_insertion_order: 'true',
      })
      return instance.connect()
    })())
  }

  return {
    run: async (sql) => void (await (await connect()).run(sql)),
    rows: async (sql, parameters) =>
      (await (await connect()).runAndReadAll(sql, parameters)).getRowObjectsJS(),
    close() {
      isClosed = true
      void opening?.then(
        (connection) => connection.closeSync(),
        () => undefined
      )
    },
  }
}
