import { mkdirSync } from 'node:fs'
import type { DuckDBConnection, DuckDBInstance, DuckDBValue } from '@duckdb/node-api'
import type { Component } from '../component.ts'

/**
 * The analytical engine, one per process, so that its memory limit is one. Loaded at its first use: it costs 40 MB and a third of a second
 * that an idle server need not pay.
 */
export interface DuckDb extends Component {
  /** Runs work on a connection of its own; its temporary tables are gone afterwards. */
  use<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T>
  /** One statement on a connection of its own. */
  run(sql: string): Promise<void>
  /** The rows of one query as plain objects: 64-bit integers as bigint. */
  rows(sql: string, parameters?: Record<string, DuckDBValue>): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

export function createDuckDb(options: {
  temporaryDir: string
  /** As DuckDB writes it, such as `2GB`; what does not fit is spilled to `temporaryDir`. */
  memoryLimit: string
  threads: number
}): DuckDb {
  let opening: Promise<DuckDBInstance> | null = null
  const open = async (): Promise<DuckDBInstance> => {
    mkdirSync(options.temporaryDir, { recursive: true })
    const { DuckDBInstance: Engine } = await import('@duckdb/node-api')
    return Engine.create(':memory:', {
      memory_limit: options.memoryLimit,
      threads: String(options.threads),
      temp_directory: options.temporaryDir,
      // Nothing is fetched from elsewhere behind the operator's back.
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
  }
  const use: DuckDb['use'] = async (work) => {
    const instance = await (opening ??= open().catch((error: unknown) => {
      opening = null
      throw error
    }))
    const connection = await instance.connect()
    try {
      await connection.run("SET TimeZone = 'UTC'")
      return await work(connection)
    } finally {
      connection.closeSync()
    }
  }
  return {
    name: 'duckdb',
    use,
    run: (sql) => use(async (connection) => void (await connection.run(sql))),
    rows: (sql, parameters) =>
      use(async (connection) =>
        (await connection.runAndReadAll(sql, parameters)).getRowObjectsJS()
      ),
    start: async () => {},
    async stop() {
      const opened = opening
      opening = null
      await opened?.then(
        (instance) => instance.closeSync(),
        () => undefined
      )
    },
  }
}
