import type { DeclaredStream } from '@trestle/contract'
import type { Selectable } from 'kysely'
import type { Database } from '../../platform/database/index.ts'
import type { StreamTables } from './tables.ts'

export type StreamRecord = Readonly<{
  project: string
  name: string
  declared: DeclaredStream
  revision: number
  createdAt: number
}>

/** All SQL of streams. */
export function createStreamStore(database: Database) {
  const db = database.as<StreamTables>()
  return {
    async list(project?: string): Promise<StreamRecord[]> {
      let query = db.selectFrom('streams').selectAll().orderBy('name')
      if (project !== undefined) query = query.where('project', '=', project)
      return (await query.execute()).map(fromRow)
    },
    async find(project: string, name: string): Promise<StreamRecord | null> {
      const row = await db
        .selectFrom('streams')
        .selectAll()
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },
    put: (stream: Omit<StreamRecord, 'revision'>): Promise<void> =>
      db
        .insertInto('streams')
        .values({
          project: stream.project,
          name: stream.name,
          declared: JSON.stringify(stream.declared),
          revision: 1,
          created_at: stream.createdAt,
        })
        .onConflict((c) =>
          c.columns(['project', 'name']).doUpdateSet((e) => ({
            declared: e.ref('excluded.declared'),
            revision: e('streams.revision', '+', 1),
          }))
        )
        .execute()
        .then(() => undefined),
    async remove(project: string, name: string): Promise<boolean> {
      const result = await db
        .deleteFrom('streams')
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}

// The JSON column is written by this file only, so that reading it back needs no second check.
const fromRow = (row: Selectable<StreamTables['streams']>): StreamRecord => ({
  project: row.project,
  name: row.name,
  declared: JSON.parse(row.declared) as DeclaredStream,
  revision: row.revision,
  createdAt: row.created_at,
})
