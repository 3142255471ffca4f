import { DatabaseSync } from 'node:sqlite'

/** A pushed row that is not in a Parquet file yet. `packed` has the keys, then the columns of the storage. */
export type PendingRow = Readonly<{
  seq: number
  eventUs: number
  createdUs: number | null
  packed: string
}>

/** A Parquet file of a storage. */
export type Segment = Readonly<{
  id: number
  storage: number
  file: string
  minSeq: number
  maxSeq: number
  rows: number
  minEventUs: number
  maxEventUs: number
  /** The source file that it was read from; null for pushed rows. */
  source: string | null
  createdAt: number
}>

export type NewSegment = Omit<Segment, 'id'>

/** How far a topic has been read: the offset of the next record of each partition, and what did not fit since the last step. */
export type StreamProgress = Readonly<{
  topic: string
  offsets: readonly Readonly<{ partition: number; offset: bigint }>[]
  rejected: Readonly<{ count: number; last: string | null }>
}>

/** What was read of a source file; no segment where it had no usable row. */
export type ImportedFile = Readonly<{
  name: string
  fingerprint: string
  segment: NewSegment | null
}>

export type StorageFacts = Readonly<{
  rows: number
  newestEventUs: number | null
  lastSeq: number
  lastIngestedAt: number | null
}>

const SCHEMA = `
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16000;
CREATE TABLE IF NOT EXISTS pending (
  storage INTEGER NOT NULL, seq INTEGER NOT NULL, event_us INTEGER NOT NULL, created_us INTEGER, packed TEXT NOT NULL,
  PRIMARY KEY (storage, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, storage INTEGER NOT NULL, file TEXT NOT NULL, min_seq INTEGER NOT NULL, max_seq INTEGER NOT NULL,
  rows INTEGER NOT NULL, min_event_us INTEGER NOT NULL, max_event_us INTEGER NOT NULL, source TEXT, created_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS segments_of ON segments (storage, min_seq);
CREATE TABLE IF NOT EXISTS imports (
  storage INTEGER NOT NULL, path TEXT NOT NULL, fingerprint TEXT NOT NULL, PRIMARY KEY (storage, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ingest (id INTEGER PRIMARY KEY CHECK (id = 1), next_seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tails (storage INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ingested (storage INTEGER PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stream_offsets (
  storage INTEGER NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY (storage, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream_rejects (storage INTEGER PRIMARY KEY, count INTEGER NOT NULL, last TEXT);
INSERT OR IGNORE INTO ingest VALUES (1, 1);`

const SEGMENT = `id, storage, file, min_seq AS minSeq, max_seq AS maxSeq, rows, min_event_us AS minEventUs, max_event_us AS maxEventUs, source, created_at AS createdAt`

/**
 * What the offline store consists of: the list of Parquet segments, and the pushed rows that have not reached one. Kept in SQLite, because
 * an acknowledged push must be on disk, and because a new segment must come and its pending rows must go in one step.
 */
export function createOfflineLog(path: string) {
  const db = new DatabaseSync(path)
  db.exec(SCHEMA)
  const insertPending = db.prepare(
    'INSERT INTO pending (storage, seq, event_us, created_us, packed) VALUES (?, ?, ?, ?, ?)'
  )
  const takeSeq = db.prepare('UPDATE ingest SET next_seq = next_seq + ? RETURNING next_seq')
  const touch = db.prepare(
    'INSERT INTO ingested (storage, at) VALUES (?, ?) ON CONFLICT (storage) DO UPDATE SET at = excluded.at'
  )
  const insertSegment = db.prepare(
    'INSERT INTO segments (storage, file, min_seq, max_seq, rows, min_event_us, max_event_us, source, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'
  )
  const setTail = db.prepare(
    'INSERT INTO tails (storage, seq) VALUES (?, ?) ON CONFLICT (storage) DO UPDATE SET seq = max(seq, excluded.seq)'
  )
  const getTail = db.prepare('SELECT seq FROM tails WHERE storage = ?')
  const transaction = <T>(work: () => T): T => {
    db.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      db.exec('COMMIT')
      return result
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }
  const reserve = (count: number): number => Number(takeSeq.get(count)?.['next_seq']) - count
  const addSegment = (s: NewSegment): void =>
    void insertSegment.run(
      s.storage,
      s.file,
      s.minSeq,
      s.maxSeq,
      s.rows,
      s.minEventUs,
      s.maxEventUs,
      s.source,
      s.createdAt
    )

  const keepProgress = (storage: number, { topic, offsets, rejected }: StreamProgress): void => {
    for (const { partition, offset } of offsets)
      db.prepare(
        'INSERT INTO stream_offsets (storage, topic, partition, next) VALUES (?, ?, ?, ?) ON CONFLICT (storage, topic, partition) DO UPDATE SET next = excluded.next'
      ).run(storage, topic, partition, offset)
    if (rejected.count > 0)
      db.prepare(
        'INSERT INTO stream_rejects (storage, count, last) VALUES (?, ?, ?) ON CONFLICT (storage) DO UPDATE SET count = count + excluded.count, last = excluded.last'
      ).run(storage, rejected.count, rejected.last)
  }

  return {
    /**
     * Appends rows of several storages in one step. Returns the ingest number of the first of each, and the last number that its storage had before.
     * On disk when it returns.
     */
    append(
      batches: readonly { storage: number; rows: readonly Omit<PendingRow, 'seq'>[] }[],
      now: number,
      progress?: StreamProgress
    ): { first: number; previous: number }[] {
      return transaction(() =>
        batches.map(({ storage, rows }) => {
          if (progress !== undefined) keepProgress(storage, progress)
          const first = reserve(rows.length)
          const previous = Number(getTail.get(storage)?.['seq'] ?? 0)
          if (rows.length === 0) return { first, previous }
          setTail.run(storage, first + rows.length - 1)
          rows.forEach((row, i) =>
            insertPending.run(storage, first + i, row.eventUs, row.createdUs, row.packed)
          )
          touch.run(storage, now)
          return { first, previous }
        })
      )
    },
    /** Sets aside a run of ingest numbers for rows that go online alone. */
    reserveSeq: (count: number): number => transaction(() => reserve(count)),
    /** Sets aside a run of ingest numbers for an import. A push that comes before the import is done sees that these are still to come. */
    reserveFor: (storage: number, count: number): number =>
      transaction(() => {
        const first = reserve(count)
        if (count > 0) setTail.run(storage, first + count - 1)
        return first
      }),

    pending: (storage: number, afterSeq: number): PendingRow[] =>
      db
        .prepare(
          'SELECT seq, event_us AS eventUs, created_us AS createdUs, packed FROM pending WHERE storage = ? AND seq > ? ORDER BY seq'
        )
        .all(storage, afterSeq) as PendingRow[], // the columns of the query
    storagesWithPending: (): { storage: number; rows: number }[] =>
      db.prepare('SELECT storage, count(*) AS rows FROM pending GROUP BY storage').all() as {
        storage: number
        rows: number
      }[], // as above

    /** Segments in ingest order. */
    segments: (storage: number): Segment[] =>
      db
        .prepare(`SELECT ${SEGMENT} FROM segments WHERE storage = ? ORDER BY min_seq`)
        .all(storage) as Segment[], // as above
    allFiles: (): string[] =>
      db
        .prepare('SELECT file FROM segments')
        .all()
        .map((row) => String(row['file'])),

    /** Pending rows up to the segment's last number are now in the segment. */
    replacePending: (segment: NewSegment): void =>
      transaction(() => {
        addSegment(segment)
        db.prepare('DELETE FROM pending WHERE storage = ? AND seq <= ?').run(
          segment.storage,
          segment.maxSeq
        )
      }),
    /** Several segments become one. */
    mergeSegments: (ids: readonly number[], merged: NewSegment): void =>
      transaction(() => {
        for (const id of ids) db.prepare('DELETE FROM segments WHERE id = ?').run(id)
        addSegment(merged)
      }),
    /** Source files were read: their segments take the place of those of their earlier content, all in one step. */
    replaceImports: (storage: number, files: readonly ImportedFile[]): void =>
      transaction(() => {
        for (const { name, fingerprint, segment } of files) {
          db.prepare('DELETE FROM segments WHERE storage = ? AND source = ?').run(storage, name)
          if (segment !== null) {
            addSegment(segment)
            touch.run(storage, segment.createdAt)
          }
          db.prepare(
            'INSERT INTO imports (storage, path, fingerprint) VALUES (?, ?, ?) ON CONFLICT (storage, path) DO UPDATE SET fingerprint = excluded.fingerprint'
          ).run(storage, name, fingerprint)
        }
      }),
    fingerprint: (storage: number, path: string): string | null => {
      const row = db
        .prepare('SELECT fingerprint FROM imports WHERE storage = ? AND path = ?')
        .get(storage, path)
      return row === undefined ? null : String(row['fingerprint'])
    },

    /** Where to go on reading a topic. */
    offsets: (storage: number, topic: string): { partition: number; offset: bigint }[] =>
      db
        .prepare('SELECT partition, next FROM stream_offsets WHERE storage = ? AND topic = ?')
        .all(storage, topic)
        .map((row) => ({
          partition: Number(row['partition']),
          offset: BigInt(Number(row['next'])),
        })),
    streamFacts(storage: number): { rejected: number; lastRejected: string | null } {
      const row = db
        .prepare('SELECT count, last FROM stream_rejects WHERE storage = ?')
        .get(storage)
      return {
        rejected: Number(row?.['count'] ?? 0),
        lastRejected: row === undefined ? null : String(row['last']),
      }
    },

    facts(storage: number): StorageFacts {
      const row = db
        .prepare(
          `SELECT coalesce(sum(rows), 0) AS rows, max(newest) AS newest, coalesce(max(last), 0) AS last FROM (
             SELECT rows, max_event_us AS newest, max_seq AS last FROM segments WHERE storage = ?
             UNION ALL SELECT count(*), max(event_us), max(seq) FROM pending WHERE storage = ?)`
        )
        .get(storage, storage) as { rows: number; newest: number | null; last: number } // as above
      const at = db.prepare('SELECT at FROM ingested WHERE storage = ?').get(storage)
      return {
        rows: row.rows,
        newestEventUs: row.newest,
        lastSeq: row.last,
        lastIngestedAt: at === undefined ? null : Number(at['at']),
      }
    },
    close: (): void => db.close(),
  }
}
export type OfflineLog = ReturnType<typeof createOfflineLog>
