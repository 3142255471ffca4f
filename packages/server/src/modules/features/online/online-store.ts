/** One entity's newest row of a storage. */
export type OnlineRow = Readonly<{
  key: string
  /** The values, packed by `packRow` in the storage's column order. */
  packed: string
  eventUs: number
  createdUs: number | null
  seq: number
}>

/** Where a storage's materialization has come: everything with an ingest number up to `seq` is online. */
export type Watermark = Readonly<{ seq: number; at: number }>

/**
 * The newest row per storage and entity key. Rows come in any order and more than once: of two rows the one with the later event time stays,
 * then the later created time (none is earliest), then the later ingest number. A row whose event time lies ahead is served from that instant on.
 */
export interface OnlineStore {
  /** Writes rows and, with them, the watermark: all on disk or none when it returns. */
  write(batch: {
    storage: number
    rows: readonly OnlineRow[]
    watermark?: Watermark
    now: number
  }): void | Promise<void>
  /** The row of each key at `now`, in order; null where there is none. */
  read(
    storage: number,
    keys: readonly string[],
    now: number
  ): readonly (StoredRow | null)[] | Promise<readonly (StoredRow | null)[]>
  watermark(storage: number): Watermark | null | Promise<Watermark | null>
  count(storage: number): number | Promise<number>
  close(): void
}

export type StoredRow = Readonly<{ packed: string; eventUs: number }>
