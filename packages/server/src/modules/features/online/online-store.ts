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

export type StoredRow = Readonly<{ packed: string; eventUs: number }>

/** Sorts before every created time: a row without one is the oldest of a tie. */
export const NO_CREATED = -9_007_199_254_740_991

/**
 * What is served: per storage and entity key either the newest row, or a state that is folded from events.
 *
 * Rows come in any order and more than once: of two rows the one with the later event time stays, then the later created time (none is earliest),
 * then the later ingest number; each comparison and its write are one step, whoever else writes. A row whose event time lies ahead is served from
 * that instant on and hides nothing before. A watermark is kept only once every row of its batch is, and never goes back.
 */
export interface OnlineStore {
  /** `SQLite`, `Redis`, `Redis Cluster`. */
  readonly engine: string
  /** Connects; `namespace` keeps deployments that share an engine apart. Throws, saying why, when the engine can't be reached. */
  open(namespace: string): Promise<void>
  /** Rejects while the engine does not answer. */
  ping(): Promise<void>
  /**
   * Writes rows and then, if there is one, the watermark; done when it returns. A batch that fails leaves no watermark, and may be written again.
   * Rows that are older than `keepMs` may be forgotten.
   */
  write(batch: {
    storage: number
    rows: readonly OnlineRow[]
    watermark?: Watermark
    now: number
    keepMs?: number | null
  }): void | Promise<void>
  /** The row of each key at `now`, in order; null where there is none. */
  read(
    storage: number,
    keys: readonly string[],
    now: number
  ): readonly (StoredRow | null)[] | Promise<readonly (StoredRow | null)[]>
  /**
   * Replaces the state of each key by what `change` makes of it (null: there is none), one step per key: no two changes of a key overlap.
   * `change` may be called again with a newer state; then the watermark is kept as in `write`.
   */
  update(batch: {
    storage: number
    keys: readonly string[]
    change: (key: string, state: string | null) => string
    watermark?: Watermark
  }): void | Promise<void>
  readStates(
    storage: number,
    keys: readonly string[]
  ): readonly (string | null)[] | Promise<readonly (string | null)[]>
  watermark(storage: number): Watermark | null | Promise<Watermark | null>
  /** Entities with a row or state; in Redis those that expired still count. */
  count(storage: number): number | Promise<number>
  /** Forgets rows with an event time before `beforeUs`, where the engine does not do so by itself. */
  expire(storage: number, beforeUs: number): void | Promise<void>
  /** Forgets everything of a storage. */
  clear(storage: number): void | Promise<void>
  close(): void | Promise<void>
}
