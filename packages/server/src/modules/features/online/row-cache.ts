import type { StoredRow } from './online-store.ts'

/** What a row takes beside its text, and how much longer the text gets once it is cut into values. */
const ROW_BYTES = 200
const CUT_FACTOR = 6

/** Rows that were read lately, or null where there is none, up to a number of bytes: what was not asked for since the older half was young goes first. */
export function createRowCache(maxBytes: number) {
  type Generation = Map<number, Map<string, StoredRow | null>>
  let young: Generation = new Map()
  let old: Generation = new Map()
  let bytes = 0

  const put = (storage: number, key: string, row: StoredRow | null): void => {
    let rows = young.get(storage)
    if (rows === undefined) young.set(storage, (rows = new Map<string, StoredRow | null>()))
    rows.set(key, row)
    bytes += ROW_BYTES + key.length + (row === null ? 0 : row.packed.length * CUT_FACTOR)
    if (bytes < maxBytes / 2) return
    old = young
    young = new Map()
    bytes = 0
  }
  return {
    /** Undefined: it has to be looked up. */
    get(storage: number, key: string): StoredRow | null | undefined {
      const row = young.get(storage)?.get(key)
      if (row !== undefined) return row
      const older = old.get(storage)?.get(key)
      if (older !== undefined) put(storage, key, older)
      return older
    },
    put,
    /** The row has another value now. */
    drop(storage: number, key: string): void {
      young.get(storage)?.delete(key)
      old.get(storage)?.delete(key)
    },
    dropAll(storage: number): void {
      young.delete(storage)
      old.delete(storage)
    },
  }
}
