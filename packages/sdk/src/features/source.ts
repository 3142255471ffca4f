import type { BatchSource } from '@trestle/contract'

/** Where the rows of a view come from: a file that the server reads, pushes under a name, or both. */
export type Source = Readonly<{ batch: BatchSource | null; pushSource: string | null }>

type FileOptions = Readonly<{
  path: string
  eventTime?: string
  createdTime?: string
  /** Key or feature name → column, where they differ. */
  columns?: Readonly<Record<string, string>>
}>

const file = (kind: BatchSource['kind'], options: FileOptions): Source => ({
  pushSource: null,
  batch: {
    kind,
    path: options.path,
    eventTime: options.eventTime ?? 'event_timestamp',
    createdTime: options.createdTime ?? null,
    columns: { ...options.columns },
  },
})

/** Sources: `source.parquet({ path: 'data/*.parquet' })`, `source.push('clicks')`, `source.push('clicks', source.csv({ path }))`. */
export const source = {
  csv: (options: FileOptions): Source => file('csv', options),
  parquet: (options: FileOptions): Source => file('parquet', options),
  push: (name: string, batch?: Source): Source => ({
    pushSource: name,
    batch: batch?.batch ?? null,
  }),
}
