import { sql, type Kysely } from 'kysely'

/** Since when a run is deleted, in epoch milliseconds; null while it is active. */
export async function addDeletedAt(db: Kysely<unknown>): Promise<void> {
  await sql`alter table runs add column deleted_at bigint`.execute(db)
  await sql`create index runs_deleted on runs (deleted_at) where deleted_at is not null`.execute(db)
}
