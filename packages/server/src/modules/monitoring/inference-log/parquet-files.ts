import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HOUR_MS } from '../../../kernel/hour.ts'

/** A Parquet file of one endpoint and hour, holding what came out of the log segments `first` to `last`. */
export type ParquetFile = Readonly<{
  path: string
  project: string
  endpoint: string
  hour: number
  first: number
  last: number
}>

const NAME = /^(\d{16})-(\d{16})\.parquet$/

const pad = (sequence: number): string => String(sequence).padStart(16, '0')

/** The folder layout of the log: `project=…/endpoint=…/hour=2026-11-23T18/…parquet`, which DuckDB, Spark and pandas read as partitions. */
export function createParquetFiles(root: string) {
  const folderOf = (at: { project: string; endpoint: string; hour: number }): string =>
    join(
      root,
      `project=${at.project}`,
      `endpoint=${at.endpoint}`,
      `hour=${new Date(at.hour).toISOString().slice(0, 13)}`
    )

  const values = async (folder: string, key: string): Promise<string[]> =>
    (await readdir(folder).catch((): string[] => [])).flatMap((name) =>
      name.startsWith(`${key}=`) ? [name.slice(key.length + 1)] : []
    )

  return {
    /** The path for a new file; its folder exists afterwards. */
    async pathFor(file: Omit<ParquetFile, 'path'>): Promise<string> {
      const folder = folderOf(file)
      await mkdir(folder, { recursive: true })
      return join(folder, `${pad(file.first)}-${pad(file.last)}.parquet`)
    },
    /** Files that may hold rows of the filter, oldest hour first. A file whose rows are in a merged one is left out. */
    async list(filter: {
      project?: string | undefined
      endpoint?: string | undefined
      from?: number | undefined
      to?: number | undefined
    }): Promise<ParquetFile[]> {
      const files: ParquetFile[] = []
      const projects =
        filter.project === undefined ? await values(root, 'project') : [filter.project]
      for (const project of projects) {
        const base = join(root, `project=${project}`)
        const endpoints =
          filter.endpoint === undefined ? await values(base, 'endpoint') : [filter.endpoint]
        for (const endpoint of endpoints) {
          for (const text of await values(join(base, `endpoint=${endpoint}`), 'hour')) {
            const hour = Date.parse(`${text}:00:00Z`)
            if (filter.from !== undefined && hour + HOUR_MS <= filter.from) continue
            if (filter.to !== undefined && hour >= filter.to) continue
            const at = { project, endpoint, hour }
            files.push(...(await listFolder(folderOf(at), at)))
          }
        }
      }
      return files.toSorted((a, b) => a.hour - b.hour || a.first - b.first)
    },
    remove: (file: ParquetFile) => rm(file.path, { force: true }),
    removeHour: (at: { project: string; endpoint: string; hour: number }) =>
      rm(folderOf(at), { recursive: true, force: true }),
  }
}
export type ParquetFiles = ReturnType<typeof createParquetFiles>

async function listFolder(
  folder: string,
  at: { project: string; endpoint: string; hour: number }
): Promise<ParquetFile[]> {
  const files: ParquetFile[] = []
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const match = NAME.exec(name)
    if (match === null) continue
    files.push({
      ...at,
      path: join(folder, name),
      first: Number(match[1]),
      last: Number(match[2]),
    })
  }
  const covers = (a: ParquetFile, b: ParquetFile): boolean =>
    a !== b && a.first <= b.first && a.last >= b.last && a.last - a.first > b.last - b.first
  return files.filter((file) => !files.some((other) => covers(other, file)))
}
