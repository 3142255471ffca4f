import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { batchName, type BatchSource } from '@trestle/contract'
import { randomHexId } from '../../../kernel/ids.ts'
import { quoteText } from '../../../platform/database/index.ts'
import { copyFromDatabaseFile, type DuckDb } from '../../../platform/duckdb/index.ts'
import type { PostgresSources } from '../../../platform/postgres-source/index.ts'
import type { S3 } from '../../../platform/s3/index.ts'
import type { SourceRoot } from './source-root.ts'

/** A file to read, as it was when it was opened. */
export type OpenFile = Readonly<{
  format: 'csv' | 'parquet'
  path: string
  /** Another one for other content. */
  fingerprint: string
  /** Throws when it is not what was opened any more. */
  checkUnchanged(): Promise<void>
  close(): Promise<void>
}>

/** One part of a source that is read, and replaced, as a whole. */
export type SourceFile = Readonly<{
  /** The same whenever the source is listed. */
  name: string
  /** The fingerprint that it would be opened with; null where only reading it tells. */
  fingerprint: string | null
  open(): Promise<OpenFile>
}>

/** What sources consist of, wherever they lie. Every failure is an Error that says what is wrong, to be told with the view's name. */
export interface SourceFiles {
  list(batch: BatchSource): Promise<readonly SourceFile[]>
  /** A single file. */
  open(file: { kind: 'csv' | 'parquet'; path: string }): Promise<OpenFile>
}

export function createSourceFiles(deps: {
  root: SourceRoot
  s3: S3
  postgres: PostgresSources
  duckdb: DuckDb
  temporaryDir: string
}): SourceFiles {
  const { root, postgres, duckdb, temporaryDir } = deps

  const localFile = async (format: 'csv' | 'parquet', path: string): Promise<SourceFile> => {
    await root.check(path)
    const fingerprint = await identityOf(path)
    return {
      name: path,
      fingerprint,
      open: async () => ({
        format,
        path,
        fingerprint,
        async checkUnchanged() {
          if ((await identityOf(path)) !== fingerprint)
            throw new Error('the file changed while it was read; nothing of it was taken in')
        },
        close: async () => {},
      }),
    }
  }
  const files = (format: 'csv' | 'parquet', path: string): Promise<readonly SourceFile[]> =>
    path.startsWith('s3://') ? objects(format, path) : localFiles(format, path)
  const localFiles = async (format: 'csv' | 'parquet', path: string): Promise<SourceFile[]> => {
    const pattern = root.resolve(path)
    const found = await duckdb.rows(`SELECT file FROM glob(${quoteText(pattern)}) ORDER BY file`)
    if (found.length === 0) throw new Error(`there is no file ${path}`)
    return Promise.all(found.map(({ file }) => localFile(format, String(file))))
  }

  const objects = async (format: 'csv' | 'parquet', pattern: string): Promise<SourceFile[]> => {
    const matches = matcherOf(pattern)
    const found: SourceFile[] = []
    for await (const { url, size, etag } of deps.s3.list(pattern.replace(/[*?].*$/s, '')))
      if (matches(url))
        found.push(
          copied({ name: url, format, fingerprint: `${size}/${etag}` }, async (path) => {
            await deps.s3.fetchTo(url, path)
          })
        )
    if (found.length === 0) throw new Error(`there is no object ${pattern}`)
    return found
  }

  /** A source that has to be written into a file first, to be read as it is at one instant. */
  const copied = (
    {
      name,
      fingerprint,
      format = 'parquet',
    }: { name: string; fingerprint: string | null; format?: 'csv' | 'parquet' },
    write: (path: string) => Promise<void>
  ): SourceFile => ({
    name,
    fingerprint,
    async open() {
      await mkdir(temporaryDir, { recursive: true })
      const path = join(temporaryDir, `${randomHexId()}.${format}`)
      const close = () => rm(path, { force: true })
      try {
        await write(path)
        return {
          format,
          path,
          fingerprint: fingerprint ?? (await contentOf(duckdb, path)),
          checkUnchanged: async () => {},
          close,
        }
      } catch (error) {
        await close()
        throw error
      }
    },
  })

  return {
    async list(batch) {
      switch (batch.kind) {
        case 'csv':
        case 'parquet':
          return files(batch.kind, batch.path)
        case 'duckdb': {
          const file = root.resolve(batch.path)
          const identity = await identityOf(file)
          await root.check(file)
          const log = await identityOf(`${file}.wal`).catch(() => '')
          return [
            copied({ name: batchName(batch), fingerprint: `${identity}${log}` }, (path) =>
              copyFromDatabaseFile(file, relationOf(batch), path)
            ),
          ]
        }
        case 'postgres':
          return [
            copied({ name: batchName(batch), fingerprint: null }, (path) =>
              postgres.toParquet({ connection: batch.connection, ...relationOf(batch) }, path)
            ),
          ]
      }
    },
    async open({ kind, path }) {
      const [file, second] = await files(kind, path)
      if (file === undefined || second !== undefined)
        throw new Error('name one file, without a pattern')
      return file.open()
    },
  }
}

/** `*` and `?` stand for what is between slashes, `**` for anything. */
function matcherOf(pattern: string): (url: string) => boolean {
  const words: Readonly<Record<string, string>> = { '**': '.*', '*': '[^/]*', '?': '[^/]' }
  const parts = pattern
    .split(/(\*\*|[*?])/)
    .map((part) => words[part] ?? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const expression = new RegExp(`^${parts.join('')}$`, 's')
  return (url) => expression.test(url)
}

const relationOf = ({ table, query }: { table: string | null; query: string | null }) =>
  query === null ? { table: table ?? '' } : { query }

async function identityOf(path: string): Promise<string> {
  const { size, mtimeNs } = await stat(path, { bigint: true })
  return `${size}/${mtimeNs}`
}

/** The columns and a digest of the rows, in whatever order they lie. */
async function contentOf(duckdb: DuckDb, path: string): Promise<string> {
  const file = `read_parquet(${quoteText(path)})`
  const columns = await duckdb.rows(`DESCRIBE SELECT * FROM ${file}`)
  const digest = await duckdb.rows(
    `SELECT CAST(count(*) AS VARCHAR) AS rows, CAST(sum(CAST(hash(source) AS HUGEINT)) AS VARCHAR) AS digest FROM (SELECT * FROM ${file}) AS source`
  )
  return JSON.stringify([columns, digest])
}
