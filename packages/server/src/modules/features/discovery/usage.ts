import type { FeatureReaders } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import type { Database } from '../../../platform/database/index.ts'
import type { Selection } from '../selection.ts'
import type { FeatureTables } from '../tables.ts'

const DAY_MS = 86_400_000
const KEPT_DAYS = 90

type Row = FeatureTables['feature_usage']

/** Counts who reads which features online: per day, view, feature and service. Counting costs one addition a request; the rest is done at a flush. */
export function createUsage(deps: { database: Database; clock: Clock }) {
  const db = deps.database.as<FeatureTables>()
  let counts = new Map<Selection, { rows: number; lastAt: number }>()

  const expand = (): Row[] => {
    const taken = counts
    counts = new Map()
    const rows = new Map<string, Row>()
    for (const [selection, { rows: reads, lastAt }] of taken)
      for (const read of selection.reads)
        for (const column of read.columns) {
          const row = {
            project: read.view.project,
            view: read.view.name,
            feature: column.name,
            service: selection.service ?? '',
            day: Math.floor(lastAt / DAY_MS) * DAY_MS,
            reads,
            last_read_at: lastAt,
          }
          const id = JSON.stringify([row.project, row.view, row.feature, row.service, row.day])
          const before = rows.get(id)
          rows.set(id, {
            ...row,
            reads: reads + (before?.reads ?? 0),
            last_read_at: Math.max(lastAt, before?.last_read_at ?? 0),
          })
        }
    return [...rows.values()]
  }

  return {
    count(selection: Selection, rows: number): void {
      const now = deps.clock.now()
      const known = counts.get(selection)
      if (known === undefined) counts.set(selection, { rows, lastAt: now })
      else {
        known.rows += rows
        known.lastAt = now
      }
    },
    /** Writes what was counted since. What a crash loses is at most what came after the last flush. */
    async flush(): Promise<void> {
      const rows = expand()
      if (rows.length === 0) return
      await db.transaction().execute(async (tx) => {
        for (const row of rows)
          await tx
            .insertInto('feature_usage')
            .values(row)
            .onConflict((c) =>
              c.columns(['project', 'view', 'feature', 'service', 'day']).doUpdateSet((e) => ({
                reads: e('feature_usage.reads', '+', row.reads),
                last_read_at: row.last_read_at,
              }))
            )
            .execute()
        await tx
          .deleteFrom('feature_usage')
          .where('day', '<', deps.clock.now() - KEPT_DAYS * DAY_MS)
          .execute()
      })
    },
    /** Readers of a view since a day, the busiest first. */
    async of(project: string, view: string, since: number): Promise<FeatureReaders[]> {
      await this.flush()
      const rows = await db
        .selectFrom('feature_usage')
        .select((e) => [
          'service',
          'feature',
          e.fn.sum<number | string>('reads').as('reads'),
          e.fn.max('last_read_at').as('last_read_at'),
        ])
        .where('project', '=', project)
        .where('view', '=', view)
        .where('day', '>=', Math.floor(since / DAY_MS) * DAY_MS)
        .groupBy(['service', 'feature'])
        .orderBy('feature')
        .execute()
      return [...Map.groupBy(rows, (row) => row.service)]
        .map(([service, mine]) => ({
          service: service === '' ? null : service,
          reads: Math.max(...mine.map((row) => Number(row.reads))),
          lastReadAt: Math.max(...mine.map((row) => row.last_read_at)),
          features: mine.map((row) => ({ name: row.feature, reads: Number(row.reads) })),
        }))
        .sort((a, b) => b.reads - a.reads)
    },
  }
}
export type Usage = ReturnType<typeof createUsage>
