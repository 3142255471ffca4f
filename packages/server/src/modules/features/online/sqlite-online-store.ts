import { DatabaseSync } from 'node:sqlite'
import { createRowCache } from './row-cache.ts'
import { NO_CREATED, type OnlineStore, type StoredRow, type Watermark } from './online-store.ts'

/** For rows that were read lately: looking one up takes thirty times as long. */
const CACHE_BYTES = 64 * 1024 * 1024

const SCHEMA = `
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -64000; PRAGMA mmap_size = 1073741824;
CREATE TABLE IF NOT EXISTS online (
  storage INTEGER NOT NULL, key TEXT NOT NULL, packed TEXT NOT NULL,
  event_us INTEGER NOT NULL, created_us INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (storage, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ahead (
  storage INTEGER NOT NULL, key TEXT NOT NULL, packed TEXT NOT NULL,
  event_us INTEGER NOT NULL, created_us INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (event_us, storage, key, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (
  storage INTEGER NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (storage, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS watermarks (storage INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counts (storage INTEGER PRIMARY KEY, rows INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS count_new AFTER INSERT ON online BEGIN
  INSERT INTO counts (storage, rows) VALUES (NEW.storage, 1) ON CONFLICT (storage) DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER IF NOT EXISTS count_gone AFTER DELETE ON online BEGIN UPDATE counts SET rows = rows - 1 WHERE storage = OLD.storage; END;
CREATE TRIGGER IF NOT EXISTS count_new_state AFTER INSERT ON states BEGIN
  INSERT INTO counts (storage, rows) VALUES (NEW.storage, 1) ON CONFLICT (storage) DO UPDATE SET rows = rows + 1;
END;`

/** The online store in a file of its own. Reads are synchronous: 3 us for a row, where a promise alone would cost a turn of the queue. */
export function createSqliteOnlineStore(path: string): OnlineStore {
  const db = new DatabaseSync(path)
  const cache = createRowCache(CACHE_BYTES)
  db.exec(SCHEMA)
  const upsert =
    db.prepare(`INSERT INTO online (storage, key, packed, event_us, created_us, seq) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (storage, key) DO UPDATE SET packed = excluded.packed, event_us = excluded.event_us, created_us = excluded.created_us, seq = excluded.seq
    WHERE (excluded.event_us, excluded.created_us, excluded.seq) > (online.event_us, online.created_us, online.seq)`)
  const hold = db.prepare(
    'INSERT OR IGNORE INTO ahead (storage, key, packed, event_us, created_us, seq) VALUES (?, ?, ?, ?, ?, ?)'
  )
  const due = db.prepare(
    'SELECT storage, key, packed, event_us, created_us, seq FROM ahead WHERE event_us <= ? ORDER BY event_us'
  )
  const dropDue = db.prepare('DELETE FROM ahead WHERE event_us <= ?')
  const soonest = db.prepare('SELECT min(event_us) AS at FROM ahead')
  const select = db.prepare('SELECT packed, event_us FROM online WHERE storage = ? AND key = ?')
  const setWatermark = db.prepare(
    'INSERT INTO watermarks (storage, seq, at) VALUES (?, ?, ?) ON CONFLICT (storage) DO UPDATE SET seq = max(seq, excluded.seq), at = excluded.at'
  )
  const getWatermark = db.prepare('SELECT seq, at FROM watermarks WHERE storage = ?')
  const selectState = db.prepare('SELECT state FROM states WHERE storage = ? AND key = ?')
  const upsertState = db.prepare(
    'INSERT INTO states (storage, key, state) VALUES (?, ?, ?) ON CONFLICT (storage, key) DO UPDATE SET state = excluded.state'
  )
  const stateOf = (storage: number, key: string): string | null =>
    (selectState.get(storage, key)?.['state'] as string | undefined) ?? null // a text column
  const dropOld = db.prepare('DELETE FROM online WHERE storage = ? AND event_us < ?')
  const dropAll = ['online', 'ahead', 'states', 'watermarks', 'counts'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE storage = ?`)
  )
  const getCount = db.prepare('SELECT rows FROM counts WHERE storage = ?')

  const soonestAhead = (): number => Number(soonest.get()?.['at'] ?? Infinity)
  let nextDueUs = soonestAhead()

  const transaction = (work: () => void): void => {
    db.exec('BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }

  const promoteDue = (nowUs: number): void => {
    transaction(() => {
      for (const row of due.all(nowUs)) {
        const columns = Object.values(row) as [number, string, string, number, number, number] // the columns of the query above
        cache.drop(columns[0], columns[1])
        upsert.run(...columns)
      }
      dropDue.run(nowUs)
    })
    nextDueUs = soonestAhead()
  }

  return {
    engine: 'SQLite',
    open: async () => {},
    ping: async () => void db.prepare('SELECT 1').get(),
    write({ storage, rows, watermark, now }) {
      const nowUs = now * 1000
      transaction(() => {
        for (const row of rows) {
          const isAhead = row.eventUs > nowUs
          const statement = isAhead ? hold : upsert
          if (!isAhead) cache.drop(storage, row.key)
          statement.run(
            storage,
            row.key,
            row.packed,
            row.eventUs,
            row.createdUs ?? NO_CREATED,
            row.seq
          )
          if (isAhead && row.eventUs < nextDueUs) nextDueUs = row.eventUs
        }
        if (watermark !== undefined) setWatermark.run(storage, watermark.seq, watermark.at)
      })
    },
    read(storage, keys, now) {
      const nowUs = Math.round(now * 1000)
      if (nextDueUs <= nowUs) promoteDue(nowUs)
      return keys.map((key): StoredRow | null => {
        const known = cache.get(storage, key)
        if (known !== undefined) return known
        const row = select.get(storage, key) as { packed: string; event_us: number } | undefined // the columns of the query above
        const found = row === undefined ? null : { packed: row.packed, eventUs: row.event_us }
        cache.put(storage, key, found)
        return found
      })
    },
    update({ storage, keys, change, watermark }) {
      transaction(() => {
        for (const key of keys) {
          const before = stateOf(storage, key)
          const after = change(key, before)
          if (after !== before) upsertState.run(storage, key, after)
        }
        if (watermark !== undefined) setWatermark.run(storage, watermark.seq, watermark.at)
      })
    },
    readStates: (storage, keys) => keys.map((key) => stateOf(storage, key)),
    watermark: (storage) => (getWatermark.get(storage) as Watermark | undefined) ?? null, // the columns of the query above
    count: (storage) => Number(getCount.get(storage)?.['rows'] ?? 0),
    expire(storage, beforeUs) {
      dropOld.run(storage, beforeUs)
      cache.dropAll(storage)
    },
    clear(storage) {
      transaction(() => {
        for (const statement of dropAll) statement.run(storage)
      })
      cache.dropAll(storage)
    },
    close: () => db.close(),
  }
}
