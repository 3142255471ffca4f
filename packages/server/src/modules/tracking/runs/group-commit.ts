import { sql, type Kysely, type Transaction } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'

type Item<T> = Readonly<{
  work: (tx: Transaction<T>) => Promise<unknown>
  settle: (outcome: Outcome) => void
}>
type Outcome = { kind: 'done'; value: unknown } | { kind: 'failed'; error: unknown }

const MAX_GROUP = 64

/** Runs work in a transaction of its own, as its caller sees it: whole or not at all, on disk when it returns. */
export type InTransaction<T> = <R>(work: (tx: Transaction<T>) => Promise<R>) => Promise<R>

/**
 * SQLite writes one transaction at a time, and waiting for the disk is most of it: writers that come while one waits share the next
 * transaction, each in a savepoint, so that one's failure undoes only its own. PostgreSQL does this by itself.
 */
export function createGroupCommit<T>(db: Kysely<T>, dialect: Dialect): InTransaction<T> {
  if (dialect === 'postgres') return (work) => db.transaction().execute(work)
  const waiting: Item<T>[] = []
  let isDraining = false

  const drain = async (): Promise<void> => {
    isDraining = true
    // Chosen when the database is free, not before: who came while it was busy is in this group already.
    while (waiting.length > 0) await commit(db, () => waiting.splice(0, MAX_GROUP))
    isDraining = false
  }

  return <R>(work: (tx: Transaction<T>) => Promise<R>) =>
    new Promise<R>((resolve, reject) => {
      const settle = (outcome: Outcome): void => {
        if (outcome.kind === 'done')
          resolve(outcome.value as R) // what `work` returned
        else
          reject(outcome.error instanceof Error ? outcome.error : new Error(String(outcome.error)))
      }
      waiting.push({ work, settle })
      if (!isDraining) void drain()
    })
}

/** Settles every item that it takes, after the commit. Never rejects. */
async function commit<T>(db: Kysely<T>, take: () => readonly Item<T>[]): Promise<void> {
  let group: readonly Item<T>[] = []
  const outcomes: Outcome[] = []
  try {
    await db.transaction().execute(async (tx) => {
      group = take()
      for (const item of group) outcomes.push(await attempt(tx, item))
    })
  } catch (error) {
    // Nothing was taken when the database did not even begin: who waits is told too.
    for (const item of group.length === 0 ? take() : group) item.settle({ kind: 'failed', error })
    return
  }
  for (const [i, item] of group.entries()) {
    const outcome = outcomes[i]
    if (outcome !== undefined) item.settle(outcome)
  }
}

async function attempt<T>(tx: Transaction<T>, item: Item<T>): Promise<Outcome> {
  await sql`savepoint item`.execute(tx)
  try {
    const value = await item.work(tx)
    await sql`release item`.execute(tx)
    return { kind: 'done', value }
  } catch (error) {
    await sql`rollback to item`.execute(tx)
    await sql`release item`.execute(tx)
    return { kind: 'failed', error }
  }
}
