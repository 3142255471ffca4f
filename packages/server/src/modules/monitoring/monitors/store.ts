import { monitorSpec, type DriftReport, type MonitorSpec } from '@trestle/contract'
import type { Database } from '../../../platform/database/index.ts'
import type { Reference } from '../drift/reference.ts'
import type { MonitoringTables } from '../tables.ts'

export type MonitorRow = MonitoringTables['monitors']
export type ReportRow = MonitoringTables['drift_reports']

/** Reports kept per monitor; older ones go. */
const REPORTS_KEPT = 1_000

/** All SQL of monitors and drift reports. */
export function createMonitorStore(database: Database) {
  const db = database.as<MonitoringTables>()
  const one = (project: string, name: string) =>
    db
      .selectFrom('monitors')
      .selectAll()
      .where('project', '=', project)
      .where('name', '=', name)
      .executeTakeFirst()

  return {
    find: one,
    list(filter: { project?: string; endpoint?: string | undefined }) {
      let query = db.selectFrom('monitors').selectAll()
      if (filter.project !== undefined) query = query.where('project', '=', filter.project)
      if (filter.endpoint !== undefined) query = query.where('endpoint', '=', filter.endpoint)
      return query.orderBy('project').orderBy('name').execute()
    },
    put: async (row: MonitorRow) =>
      void (await db
        .insertInto('monitors')
        .values(row)
        .onConflict((c) => c.columns(['project', 'name']).doUpdateSet(row))
        .execute()),
    /** Changes a monitor of this generation; false when it was redefined or deleted meanwhile. */
    async update(row: MonitorRow, change: Partial<MonitorRow>): Promise<boolean> {
      const result = await db
        .updateTable('monitors')
        .set(change)
        .where('project', '=', row.project)
        .where('name', '=', row.name)
        .where('generation', '=', row.generation)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    async delete(project: string, name: string): Promise<boolean> {
      const result = await db
        .deleteFrom('monitors')
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },
    /** A report and the monitor's step past its window, together: a window is never judged twice. False when the monitor changed meanwhile. */
    addReport(
      report: ReportRow,
      monitor: MonitorRow,
      change: Partial<MonitorRow>
    ): Promise<boolean> {
      return db.transaction().execute(async (tx) => {
        const result = await tx
          .updateTable('monitors')
          .set(change)
          .where('project', '=', monitor.project)
          .where('name', '=', monitor.name)
          .where('generation', '=', monitor.generation)
          .where('cursor_at', '=', monitor.cursor_at)
          .where('cursor_id', '=', monitor.cursor_id)
          .executeTakeFirst()
        if (result.numUpdatedRows !== 1n) return false
        await tx.insertInto('drift_reports').values(report).execute()
        const old = await tx
          .selectFrom('drift_reports')
          .select('id')
          .where('project', '=', report.project)
          .where('monitor', '=', report.monitor)
          .orderBy('id', 'desc')
          .offset(REPORTS_KEPT)
          .limit(1)
          .executeTakeFirst()
        if (old !== undefined)
          await tx
            .deleteFrom('drift_reports')
            .where('project', '=', report.project)
            .where('monitor', '=', report.monitor)
            .where('id', '<=', old.id)
            .execute()
        return true
      })
    },
    report: (project: string, id: string) =>
      db
        .selectFrom('drift_reports')
        .selectAll()
        .where('project', '=', project)
        .where('id', '=', id)
        .executeTakeFirst(),
    /** Newest first; ids sort by time. */
    reports(query: {
      project: string
      endpoint?: string | undefined
      monitor?: string | undefined
      before?: string | undefined
      limit: number
    }) {
      let select = db.selectFrom('drift_reports').selectAll().where('project', '=', query.project)
      if (query.endpoint !== undefined) select = select.where('endpoint', '=', query.endpoint)
      if (query.monitor !== undefined) select = select.where('monitor', '=', query.monitor)
      if (query.before !== undefined) select = select.where('id', '<', query.before)
      return select.orderBy('id', 'desc').limit(query.limit).execute()
    },
    /** The latest windows that count for alerts with all that was found in them, newest first. */
    windows: (monitor: MonitorRow, limit: number) =>
      db
        .selectFrom('drift_reports')
        .selectAll()
        .where('project', '=', monitor.project)
        .where('monitor', '=', monitor.name)
        .where('generation', '=', monitor.generation)
        .where('trigger_kind', '=', 'scheduled')
        .orderBy('to_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute(),
    rewriteReport: async (id: string, body: ReportBody) =>
      void (await db
        .updateTable('drift_reports')
        .set({ body_json: JSON.stringify(body) })
        .where('id', '=', id)
        .execute()),
    /** The latest windows that count for alerts, newest first. */
    latestWindows: (monitor: MonitorRow, limit: number) =>
      db
        .selectFrom('drift_reports')
        .select(['id', 'state', 'drifted_json', 'summary'])
        .where('project', '=', monitor.project)
        .where('monitor', '=', monitor.name)
        .where('generation', '=', monitor.generation)
        .where('trigger_kind', '=', 'scheduled')
        .orderBy('to_at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute(),
  }
}
export type ReportBody = Pick<DriftReport, 'columnReports' | 'quality'>

export const bodyOf = (row: Pick<ReportRow, 'body_json'>): ReportBody =>
  JSON.parse(row.body_json) as ReportBody // written by this module

export type MonitorStore = ReturnType<typeof createMonitorStore>

/** Written by this module from the parsed contract. */
export const specOf = (row: MonitorRow): MonitorSpec => monitorSpec.parse(JSON.parse(row.spec_json))

export const referenceOf = (row: MonitorRow): Reference | null =>
  row.reference_json === null ? null : (JSON.parse(row.reference_json) as Reference)
