import type { Kysely } from 'kysely'
import { monitorSpec, type DriftReport, type MonitorSpec } from '@trestle/contract'
import type { Database } from '../../../platform/database/index.ts'
import type { Reference, Span } from '../drift/reference.ts'
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
      await db
        .deleteFrom('window_profiles')
        .where('project', '=', project)
        .where('monitor', '=', name)
        .execute()
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
      step: {
        change: Partial<MonitorRow>
        /** What the window leaves behind for later ones, and from when on such are needed. */
        profile: { profile: Reference; keepFrom: number } | null
      }
    ): Promise<boolean> {
      return db.transaction().execute(async (tx) => {
        const result = await tx
          .updateTable('monitors')
          .set(step.change)
          .where('project', '=', monitor.project)
          .where('name', '=', monitor.name)
          .where('generation', '=', monitor.generation)
          .where('cursor_at', '=', monitor.cursor_at)
          .where('cursor_id', '=', monitor.cursor_id)
          .executeTakeFirst()
        if (result.numUpdatedRows !== 1n) return false
        await tx.insertInto('drift_reports').values(report).execute()
        if (step.profile !== null) {
          await insertProfile(tx, monitor, step.profile.profile)
          await forgetProfiles(tx, monitor, step.profile.keepFrom)
        }
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
    addProfile: (monitor: MonitorRow, profile: Reference) => insertProfile(db, monitor, profile),
    /** The profile of a stretch of time; null when there is none. */
    async profile(monitor: MonitorRow, span: Span): Promise<Reference | null> {
      const row = await profilesOf(db, monitor)
        .where('from_at', '=', span.from)
        .where('to_at', '=', span.to)
        .executeTakeFirst()
      return row === undefined ? null : parseReference(row.profile_json)
    },
    /** The profiles of the last windows that began before a moment, newest first. */
    async profilesBefore(monitor: MonitorRow, before: number, limit: number): Promise<Reference[]> {
      const rows = await profilesOf(db, monitor)
        .where('from_at', '<', before)
        .orderBy('from_at', 'desc')
        .limit(limit)
        .execute()
      return rows.map((row) => parseReference(row.profile_json))
    },
    profileSpansBefore: (monitor: MonitorRow, before: number, limit: number): Promise<Span[]> =>
      profilesOf(db, monitor)
        .clearSelect()
        .select(['from_at as from', 'to_at as to'])
        .where('from_at', '<', before)
        .orderBy('from_at', 'desc')
        .limit(limit)
        .execute(),
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
  row.reference_json === null ? null : parseReference(row.reference_json)

/** Written by this module; in an earlier form with one stretch of time. */
function parseReference(json: string): Reference {
  const stored = JSON.parse(json) as Omit<Reference, 'spans'> &
    Partial<Pick<Reference, 'spans'>> & { from?: number | null; to?: number | null }
  const { from = null, to = null } = stored
  return { ...stored, spans: stored.spans ?? (from === null || to === null ? [] : [{ from, to }]) }
}

type Db = Kysely<MonitoringTables>

/** Windows by rows have no fixed past: as many of their profiles are kept as a reference may ask for. */
const PROFILES_KEPT = 50

const profilesOf = (db: Db, { project, name, generation }: MonitorRow) =>
  db
    .selectFrom('window_profiles')
    .select(['profile_json'])
    .where('project', '=', project)
    .where('monitor', '=', name)
    .where('generation', '=', generation)

async function insertProfile(db: Db, monitor: MonitorRow, profile: Reference): Promise<void> {
  const [span] = profile.spans
  if (span === undefined) return
  await db
    .insertInto('window_profiles')
    .values({
      project: monitor.project,
      monitor: monitor.name,
      generation: monitor.generation,
      from_at: span.from,
      to_at: span.to,
      profile_json: JSON.stringify(profile),
    })
    .onConflict((c) => c.doNothing())
    .execute()
}

/** Removes profiles that no later window asks for, and those of the monitor as it was before. */
async function forgetProfiles(db: Db, monitor: MonitorRow, keepFrom: number): Promise<void> {
  const { project, name, generation } = monitor
  const oldest = await db
    .selectFrom('window_profiles')
    .select('from_at')
    .where('project', '=', project)
    .where('monitor', '=', name)
    .where('generation', '=', generation)
    .orderBy('from_at', 'desc')
    .offset(PROFILES_KEPT)
    .limit(1)
    .executeTakeFirst()
  const before = keepFrom > 0 ? keepFrom : (oldest?.from_at ?? -1) + 1
  await db
    .deleteFrom('window_profiles')
    .where('project', '=', project)
    .where('monitor', '=', name)
    .where((e) => e.or([e('generation', '<', generation), e('from_at', '<', before)]))
    .execute()
}
