import { sql } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { Cursor } from '../mlflow/page-token.ts'
import type { TrackingTables } from '../tables.ts'
import { fromStored } from './metric-value.ts'
import type { MetricPoint, RunRow } from './run-records.ts'

export interface MetricHistory {
  /** Points of one metric in the order of time, step and value, after `after`. */
  page(
    run: RunRow,
    key: string,
    range: { after: Cursor | null; limit: number }
  ): Promise<{ points: MetricPoint[]; last: Cursor | null }>
  /** Every step of a metric within a range, once each: what sampling chooses from. */
  steps(run: RunRow, key: string, range: { from: number; to: number }): Promise<number[]>
  /** The points at some steps, in the order of step, time and value. */
  at(run: RunRow, key: string, steps: readonly number[]): Promise<MetricPoint[]>
}

export function createMetricHistory(database: Database): MetricHistory {
  const db = database.as<TrackingTables>()
  const of = (run: RunRow, key: string) =>
    db.selectFrom('metrics').where('run_key', '=', run.run_key).where('key', '=', key)
  return {
    async page(run, key, { after, limit }) {
      let query = of(run, key)
        .selectAll()
        .orderBy('timestamp')
        .orderBy('step')
        .orderBy('value')
        .orderBy('is_nan')
        .limit(limit + 1)
      if (after !== null)
        query = query.where(sql<boolean>`(timestamp, step, value, is_nan) > (${sql.join(after)})`)
      const rows = await query.execute()
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        points: rows.slice(0, limit).map((row) => toPoint(row)),
        last: last === undefined ? null : [last.timestamp, last.step, last.value, last.is_nan],
      }
    },
    async steps(run, key, { from, to }) {
      const rows = await of(run, key)
        .select('step')
        .distinct()
        .where('step', '>=', from)
        .where('step', '<=', to)
        .orderBy('step')
        .execute()
      return rows.map((row) => row.step)
    },
    async at(run, key, steps) {
      const points: MetricPoint[] = []
      for (let i = 0; i < steps.length; i += 500) {
        const rows = await of(run, key)
          .selectAll()
          .where('step', 'in', steps.slice(i, i + 500))
          .orderBy('step')
          .orderBy('timestamp')
          .orderBy('value')
          .execute()
        points.push(...rows.map((row) => toPoint(row)))
      }
      return points
    },
  }
}

const toPoint = (row: {
  key: string
  value: number
  is_nan: number
  timestamp: number
  step: number
}): MetricPoint => ({
  key: row.key,
  value: fromStored(row),
  timestamp: row.timestamp,
  step: row.step,
})

/** Evenly spread steps, the last always among them (mlflow/server/handlers.py, `_get_sampled_steps`). */
export function sampleSteps(steps: readonly number[], limit: number): number[] {
  if (steps.length <= limit) return [...steps]
  const interval = steps.length / limit
  const sampled = new Set<number>()
  for (let i = 0; i < limit; i++) {
    const step = steps[Math.floor(i * interval)]
    if (step !== undefined) sampled.add(step)
  }
  const last = steps.at(-1)
  if (last !== undefined) sampled.add(last)
  return [...sampled].toSorted((a, b) => a - b)
}
