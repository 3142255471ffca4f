import { sql, type Kysely } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { MonitoringTables } from '../tables.ts'

export type LabelRow = MonitoringTables['labels']
export type OutcomeRow = MonitoringTables['label_outcomes']

/** How many ids one statement names: SQLite and PostgreSQL both take many more. */
const IDS_AT_ONCE = 500

/** All SQL of labels. */
export function createLabelStore(database: Database) {
  const db = database.as<MonitoringTables>()

  return {
    /** Writes labels; a label that says something else than before keeps the old word in the history. All in one transaction: durable before it returns. */
    async put(rows: readonly LabelRow[]): Promise<{ changed: number; unchanged: number }> {
      let changed = 0
      let unchanged = 0
      await db.transaction().execute(async (tx) => {
        for (const row of rows) {
          const known = await tx
            .selectFrom('labels')
            .selectAll()
            .where('project', '=', row.project)
            .where('prediction_id', '=', row.prediction_id)
            .executeTakeFirst()
          if (known === undefined) {
            await tx
              .insertInto('labels')
              .values(row)
              .onConflict((c) =>
                c.columns(['project', 'prediction_id']).doUpdateSet({
                  value_json: row.value_json,
                  at: row.at,
                  received_at: row.received_at,
                  actor: row.actor,
                  joined: 0,
                })
              )
              .execute()
          } else if (known.value_json === row.value_json) {
            unchanged++
          } else {
            changed++
            await tx
              .insertInto('label_changes')
              .values({
                project: row.project,
                prediction_id: row.prediction_id,
                value_json: known.value_json,
                at: known.at,
                replaced_at: row.received_at,
                replaced_by: row.actor,
              })
              .execute()
            await tx
              .updateTable('labels')
              .set({
                value_json: row.value_json,
                at: row.at,
                received_at: row.received_at,
                actor: row.actor,
                joined: 0,
              })
              .where('project', '=', row.project)
              .where('prediction_id', '=', row.prediction_id)
              .execute()
          }
        }
      })
      return { changed, unchanged }
    },
    find: (project: string, predictionId: string) =>
      db
        .selectFrom('labels')
        .selectAll()
        .where('project', '=', project)
        .where('prediction_id', '=', predictionId)
        .executeTakeFirst(),
    async findMany(project: string, ids: readonly string[]): Promise<LabelRow[]> {
      const rows: LabelRow[] = []
      for (let i = 0; i < ids.length; i += IDS_AT_ONCE)
        rows.push(
          ...(await db
            .selectFrom('labels')
            .selectAll()
            .where('project', '=', project)
            .where('prediction_id', 'in', ids.slice(i, i + IDS_AT_ONCE))
            .execute())
        )
      return rows
    },
    history: (project: string, predictionId: string) =>
      db
        .selectFrom('label_changes')
        .selectAll()
        .where('project', '=', project)
        .where('prediction_id', '=', predictionId)
        .orderBy('replaced_at', 'desc')
        .execute(),
    /** Labels whose prediction was not looked for yet, oldest first. */
    unjoined: (limit: number) =>
      db
        .selectFrom('labels')
        .selectAll()
        .where('joined', '=', 0)
        .orderBy('received_at')
        .limit(limit)
        .execute(),
    /** Writes outcomes, marks their labels as joined, and returns what each outcome was before. */
    async putOutcomes(
      joins: readonly { label: LabelRow; outcomes: readonly OutcomeRow[] }[]
    ): Promise<{ before: OutcomeRow | undefined; after: OutcomeRow }[]> {
      const changes: { before: OutcomeRow | undefined; after: OutcomeRow }[] = []
      await db.transaction().execute(async (tx) => {
        for (const { label, outcomes } of joins) {
          for (const after of outcomes) {
            const before = await tx
              .selectFrom('label_outcomes')
              .selectAll()
              .where('project', '=', after.project)
              .where('prediction_id', '=', after.prediction_id)
              .executeTakeFirst()
            changes.push({ before, after })
            await tx
              .insertInto('label_outcomes')
              .values(after)
              .onConflict((c) => c.columns(['project', 'prediction_id']).doUpdateSet(after))
              .execute()
          }
          await markJoined(tx, label, 1)
        }
      })
      return changes
    },
    async giveUp(labels: readonly LabelRow[]): Promise<void> {
      for (const label of labels) await markJoined(db, label, 2)
    },
    /** Sums of judged predictions by second, to fill the timelines after a start. */
    lossSumsSince: (from: number) =>
      db
        .selectFrom('label_outcomes')
        .select((eb) => [
          'endpoint_id',
          'variant',
          'role',
          sql<number>`prediction_at / 1000`.as('second'),
          eb.fn.countAll<number>().as('n'),
          eb.fn.count<number>('squared_error').as('numeric'),
          eb.fn.sum<number>('error').as('error'),
          sql<number>`sum(error * error)`.as('error_squares'),
          eb.fn.count<number>('log_loss').as('log_loss_n'),
          sql<number>`coalesce(sum(log_loss), 0)`.as('log_loss'),
          sql<number>`coalesce(sum(log_loss * log_loss), 0)`.as('log_loss_squares'),
          sql<number>`coalesce(sum(sqrt(squared_error)), 0)`.as('absolute_error'),
          sql<number>`coalesce(sum(squared_error), 0)`.as('squared_error'),
          sql<number>`coalesce(sum(squared_error * squared_error), 0)`.as('squared_error_squares'),
        ])
        .where('prediction_at', '>=', from)
        .groupBy(['endpoint_id', 'variant', 'role', sql`prediction_at / 1000`])
        .execute(),
    /** How many predictions of a stretch of time are labelled, and when the last word on one came: other when labels came or changed. */
    async labelled(query: {
      endpointId: string
      variant: string | null
      from: number
      to: number
    }): Promise<{ count: number; newest: number }> {
      let select = db
        .selectFrom('label_outcomes')
        .select((e) => [
          e.fn.countAll<number>().as('count'),
          e.fn.max<number | null>('received_at').as('newest'),
        ])
        .where('endpoint_id', '=', query.endpointId)
        .where('role', '=', 'live')
        .where('prediction_at', '>=', query.from)
        .where('prediction_at', '<', query.to)
      if (query.variant !== null) select = select.where('variant', '=', query.variant)
      const { count, newest } = await select.executeTakeFirstOrThrow()
      return { count, newest: newest ?? 0 }
    },
    /** Judged predictions of an endpoint in a stretch of time, in order of prediction. */
    outcomes(query: {
      endpointId: string
      variant: string | null
      from: number
      to: number
      limit: number
    }) {
      let select = db
        .selectFrom('label_outcomes')
        .selectAll()
        .where('endpoint_id', '=', query.endpointId)
        .where('role', '=', 'live')
        .where('prediction_at', '>=', query.from)
        .where('prediction_at', '<', query.to)
      if (query.variant !== null) select = select.where('variant', '=', query.variant)
      return select.orderBy('prediction_at').orderBy('prediction_id').limit(query.limit).execute()
    },
    async coverage(query: { endpointId: string; from: number }) {
      return db
        .selectFrom('label_outcomes')
        .select(['variant', 'role', 'prediction_at', 'received_at'])
        .where('endpoint_id', '=', query.endpointId)
        .where('prediction_at', '>=', query.from)
        .orderBy('prediction_at', 'desc')
        .limit(50_000)
        .execute()
    },
    /** How both arms of labelled pairs came out. Counts classes right or wrong; nothing where a label can only be a number. */
    async pairedOutcomes(query: {
      endpointId: string
      primary: string
      shadow: string
      from: number
    }): Promise<{ labelledPairs: number; onlyPrimaryRight: number; onlyShadowRight: number }> {
      const rows = await db
        .selectFrom('label_outcomes as p')
        .innerJoin('label_outcomes as s', (join) =>
          join.onRef('s.project', '=', 'p.project').onRef('s.label_id', '=', 'p.label_id')
        )
        .select(({ fn }) => [
          outcomeOf('p').as('p_error'),
          outcomeOf('s').as('s_error'),
          fn.countAll<number>().as('n'),
        ])
        .where('p.endpoint_id', '=', query.endpointId)
        .where('p.prediction_at', '>=', query.from)
        .where('p.role', '=', 'live')
        .where('p.variant', '=', query.primary)
        .where('s.role', '=', 'shadow')
        .where('s.variant', '=', query.shadow)
        .groupBy([outcomeOf('p'), outcomeOf('s')])
        .execute()
      if (rows.some((r) => r.p_error === NO_CLASS || r.s_error === NO_CLASS))
        return { labelledPairs: 0, onlyPrimaryRight: 0, onlyShadowRight: 0 }
      const count = (p: number, s: number): number =>
        rows.filter((r) => r.p_error === p && r.s_error === s).reduce((sum, r) => sum + r.n, 0)
      return {
        labelledPairs: rows.reduce((sum, r) => sum + r.n, 0),
        onlyPrimaryRight: count(0, 1),
        onlyShadowRight: count(1, 0),
      }
    },
  }
}
const NO_CLASS = -1

/** Whether a class was right (0) or wrong (1), or that the label can only be a number. */
const outcomeOf = (table: 'p' | 's') =>
  sql<number>`case when ${sql.ref(`${table}.log_loss`)} is null and ${sql.ref(`${table}.squared_error`)} is not null then -1 else ${sql.ref(`${table}.error`)} end`

async function markJoined(
  db: Kysely<MonitoringTables>,
  label: LabelRow,
  joined: 1 | 2
): Promise<void> {
  // Not when a new word came meanwhile: that one has its own turn.
  await db
    .updateTable('labels')
    .set({ joined })
    .where('project', '=', label.project)
    .where('prediction_id', '=', label.prediction_id)
    .where('value_json', '=', label.value_json)
    .execute()
}

export type LabelStore = ReturnType<typeof createLabelStore>
