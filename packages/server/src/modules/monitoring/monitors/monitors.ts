import type { DriftReport, DriftReportHead, MonitoringChange, MonitorSpec } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { Alerts } from '../alerts/alerts.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import type { LabelStore } from '../labels/store.ts'
import { createJudge } from './judge.ts'
import { createQualityWatch } from './quality-watch.ts'
import type { ReferenceFiles } from './reference-files.ts'
import { createReferences } from './references.ts'
import { specOf, type MonitorRow, type MonitorStore } from './store.ts'

const WEEK_MS = 7 * 86_400_000

/** Watches endpoints: keeps what is declared, and has every monitor judge its windows in turn. */
export function createMonitors(deps: {
  store: MonitorStore
  labels: LabelStore
  log: InferenceLog
  alerts: Alerts
  files: ReferenceFiles
  duckdb: DuckDb
  clock: Clock
  logger: Logger
  endpointId: (project: string, endpoint: string) => string | null
  onReport: (report: DriftReportHead & { project: string }) => void
}) {
  const { store, alerts, clock } = deps
  const references = createReferences(deps)
  const judge = createJudge({
    ...deps,
    references,
    quality: createQualityWatch({ ...deps, references }),
  })
  // One evaluation at a time: the scheduler's and an operator's would else judge the same window.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work)
    turn = next.catch(() => undefined)
    return next
  }

  const get = async (project: string, name: string): Promise<MonitorRow> => {
    const row = await store.find(project, name)
    if (row === undefined) throw fail('monitoring.monitor_not_found', `No monitor "${name}"`)
    return row
  }

  async function put(project: string, spec: MonitorSpec): Promise<MonitorRow> {
    refuseOddWindows(spec)
    const now = clock.now()
    const known = await store.find(project, spec.name)
    const isSame = known?.spec_json === JSON.stringify(spec)
    if (known !== undefined && isSame) return known
    const keepsReference =
      known !== undefined &&
      JSON.stringify(watchedBy(specOf(known))) === JSON.stringify(watchedBy(spec))
    const row: MonitorRow = {
      ...(known !== undefined && keepsReference
        ? known
        : {
            generation: (known?.generation ?? 0) + 1,
            cursor_at: now,
            cursor_id: '',
            state: 'waiting' as const,
            summary: 'Waiting for the reference.',
            last_evaluated_at: null,
            ...(await references.given(project, spec)),
          }),
      project,
      name: spec.name,
      endpoint: spec.endpoint,
      spec_json: JSON.stringify(spec),
      created_at: known?.created_at ?? now,
      updated_at: now,
    }
    await store.put(row)
    return row
  }

  const deleteOne = (project: string, name: string): Promise<void> =>
    inTurn(async () => {
      const row = await get(project, name)
      await store.delete(project, name)
      const about = { project, endpoint: row.endpoint, monitor: name }
      await alerts.resolve({ ...about, kind: 'drift' })
      await alerts.resolve({ ...about, kind: 'quality' })
    })

  return {
    get,
    list: (project: string, endpoint: string | undefined) => store.list({ project, endpoint }),
    put: (project: string, spec: MonitorSpec) => inTurn(() => put(project, spec)),
    delete: deleteOne,
    /** Evaluates what is due, or else the latest rows. Empty while the reference is not there. */
    evaluate: (project: string, name: string): Promise<DriftReport[]> =>
      inTurn(async () => {
        const due = await judge.catchUp(await get(project, name))
        if (due.length > 0) return due
        const made = await judge.judgeLatest(await get(project, name))
        return made === null ? [] : [made]
      }),
    /** One turn of the scheduler: every monitor. One that fails says so and keeps no other from its turn. */
    async evaluateDue(signal: AbortSignal): Promise<void> {
      for (const row of await store.list({})) {
        if (signal.aborted) return
        await inTurn(async () => {
          const current = await store.find(row.project, row.name)
          if (current !== undefined) await judge.catchUp(current)
        }).catch(async (error: unknown) => {
          deps.logger.error({ err: error, monitor: row.name }, 'a monitor could not be evaluated')
          const summary = `The last evaluation failed: ${messageOf(error)}`
          await store.update(row, { state: 'failed', summary })
        })
      }
    },
    async apply(
      project: string,
      specs: readonly MonitorSpec[],
      options: { prune: boolean; dryRun: boolean }
    ): Promise<MonitoringChange[]> {
      const known = new Map((await store.list({ project })).map((row) => [row.name, row]))
      const changes: MonitoringChange[] = []
      for (const spec of specs) {
        const row = known.get(spec.name)
        known.delete(spec.name)
        const isSame = row?.spec_json === JSON.stringify(spec)
        const kind = row === undefined ? 'create' : isSame ? 'unchanged' : 'update'
        changes.push({ kind, subject: `monitor ${spec.name}`, detail: `on ${spec.endpoint}` })
        if (!options.dryRun && !isSame) await inTurn(() => put(project, spec))
      }
      for (const name of options.prune ? known.keys() : []) {
        changes.push({ kind: 'delete', subject: `monitor ${name}`, detail: 'not declared' })
        if (!options.dryRun) await deleteOne(project, name)
      }
      return changes
    },
  }
}
export type Monitors = ReturnType<typeof createMonitors>

/** What the reference and the windows depend on: a change of it starts the monitor anew. */
const watchedBy = (spec: MonitorSpec) => [
  spec.endpoint,
  spec.variant,
  spec.reference,
  spec.window,
  spec.segments,
]

function refuseOddWindows({ reference, window }: MonitorSpec): void {
  if (reference.kind !== 'hour-of-week') return
  if (window.kind !== 'time' || WEEK_MS % window.ms !== 0)
    throw fail(
      'request.invalid',
      'window: a reference of kind "hour-of-week" needs windows of a time that divides a week, such as an hour'
    )
}
