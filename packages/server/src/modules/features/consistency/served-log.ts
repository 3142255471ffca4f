import { DatabaseSync } from 'node:sqlite'
import type { WireScalar } from '@trestle/contract'

/** A sampled read that waits to be checked. */
export type ServedRow = Readonly<{
  id: number
  project: string
  view: string
  version: number
  at: number
  keys: Readonly<Record<string, WireScalar>>
  values: Readonly<Record<string, WireScalar>>
  eventUs: number | null
}>

const MAX_ROWS = 200_000

const SCHEMA = `
PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -4000;
CREATE TABLE IF NOT EXISTS served (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, view TEXT NOT NULL, version INTEGER NOT NULL, at REAL NOT NULL,
  keys TEXT NOT NULL, vals TEXT NOT NULL, event_us INTEGER);`

/** Sampled reads between serving and checking. A sample: what a crash loses is not missed. */
export function createServedLog(path: string) {
  const db = new DatabaseSync(path)
  db.exec(SCHEMA)
  const insert = db.prepare(
    'INSERT INTO served (project, view, version, at, keys, vals, event_us) VALUES (?, ?, ?, ?, ?, ?, ?)'
  )
  const count = (): number => Number(db.prepare('SELECT count(*) AS n FROM served').get()?.['n'])
  return {
    /** Returns how many of the oldest made room. */
    append(rows: readonly Omit<ServedRow, 'id'>[]): number {
      if (rows.length === 0) return 0
      db.exec('BEGIN')
      for (const row of rows)
        insert.run(
          row.project,
          row.view,
          row.version,
          row.at,
          JSON.stringify(row.keys),
          JSON.stringify(row.values),
          row.eventUs
        )
      db.exec('COMMIT')
      const surplus = count() - MAX_ROWS
      if (surplus <= 0) return 0
      db.prepare('DELETE FROM served WHERE id IN (SELECT id FROM served ORDER BY id LIMIT ?)').run(
        surplus
      )
      return surplus
    },
    /** The oldest reads up to an instant. */
    oldest: (until: number, limit: number): ServedRow[] =>
      db
        .prepare('SELECT * FROM served WHERE at <= ? ORDER BY id LIMIT ?')
        .all(until, limit)
        .map((row) => ({
          id: Number(row['id']),
          project: String(row['project']),
          view: String(row['view']),
          version: Number(row['version']),
          at: Number(row['at']),
          keys: JSON.parse(String(row['keys'])) as ServedRow['keys'], // written above
          values: JSON.parse(String(row['vals'])) as ServedRow['values'], // as above
          eventUs: row['event_us'] === null ? null : Number(row['event_us']),
        })),
    remove: (rows: readonly ServedRow[]): void => {
      db.exec('BEGIN')
      for (const row of rows) db.prepare('DELETE FROM served WHERE id = ?').run(row.id)
      db.exec('COMMIT')
    },
    count,
    close: (): void => db.close(),
  }
}
export type ServedLog = ReturnType<typeof createServedLog>
