import type { MonitorSpec, QualityReport } from '@trestle/contract'
import type { Alerts } from '../alerts/alerts.ts'
import { judgeQuality } from '../drift/quality.ts'
import type { Reference } from '../drift/reference.ts'
import type { LabelStore } from '../labels/store.ts'
import { bodyOf, type MonitorRow, type MonitorStore } from './store.ts'

/** Labelled predictions that the change detectors read. */
const HISTORY = 10_000
const DAY_MS = 86_400_000
/** Windows of a monitor that late labels can still change, newest first. */
const WINDOWS_REVISITED = 50

type Watched = Readonly<{ monitor: MonitorRow; spec: MonitorSpec; reference: Reference }>

/**
 * Judges the quality of windows. Labels come late: a window is judged when it is complete, and again whenever labels came for it since. The alert follows
 * the newest window that has labels enough.
 */
export function createQualityWatch(deps: {
  store: MonitorStore
  labels: LabelStore
  alerts: Alerts
  endpointId: (project: string, endpoint: string) => string | null
}) {
  const { store, labels, alerts } = deps
  // What the labels of the revisited windows came to, of all together and of each. In memory: after a restart they are judged once more.
  const seen = new Map<string, { all: string; windows: Map<string, string> }>()

  async function judge(
    { monitor, spec, reference }: Watched,
    window: { from: number; to: number; predictions: number }
  ): Promise<QualityReport | null> {
    const endpointId = deps.endpointId(monitor.project, spec.endpoint)
    if (spec.quality === null || endpointId === null) return null
    const between = (from: number, to: number) =>
      labels.outcomes({ endpointId, variant: spec.variant, from, to, limit: HISTORY })
    return judgeQuality(
      {
        outcomes: await between(window.from, window.to),
        referenceOutcomes:
          reference.from === null || reference.to === null
            ? []
            : await between(reference.from, reference.to),
        history: await between(Math.max(0, window.from - 7 * DAY_MS), window.to),
        predictions: window.predictions,
        from: window.from,
      },
      spec.quality
    )
  }

  /** Raises or resolves the quality alert by the newest window with labels enough; leaves it as it is while there is none. */
  async function tell(monitor: MonitorRow, spec: MonitorSpec): Promise<void> {
    const about = {
      project: monitor.project,
      endpoint: spec.endpoint,
      monitor: monitor.name,
      kind: 'quality' as const,
    }
    for (const row of await store.windows(monitor, WINDOWS_REVISITED)) {
      const { quality } = bodyOf(row)
      if (quality === null || quality.state === 'insufficient') continue
      if (quality.state === 'ok') return alerts.resolve(about)
      return alerts.raise({
        ...about,
        severity: 'page',
        title: `Worse predictions on ${spec.endpoint}`,
        summary: quality.finding,
        columns: [],
        reportId: row.id,
      })
    }
  }

  return {
    judge,
    tell,
    /** Judges again the windows that labels came for since the last time. */
    async revisit(watched: Watched): Promise<void> {
      const { monitor, spec } = watched
      const endpointId = deps.endpointId(monitor.project, spec.endpoint)
      if (spec.quality === null || endpointId === null) return
      const windows = await store.windows(monitor, WINDOWS_REVISITED)
      const oldest = windows.at(-1)
      if (oldest === undefined) return
      const of = { endpointId, variant: spec.variant }
      const to = Math.max(...windows.map((window) => window.to_at))
      const all = stampOf(await labels.labelled({ ...of, from: oldest.from_at, to }))
      const key = `${monitor.project}/${monitor.name}`
      const before = seen.get(key)
      if (before?.all === `${oldest.id}/${all}`) return
      const stamps = new Map<string, string>()
      let hasChanged = false
      for (const row of windows) {
        const stamp = stampOf(await labels.labelled({ ...of, from: row.from_at, to: row.to_at }))
        stamps.set(row.id, stamp)
        if (before?.windows.get(row.id) === stamp) continue
        const body = bodyOf(row)
        const window = { from: row.from_at, to: row.to_at, predictions: row.row_count }
        const quality = await judge(watched, window)
        if (JSON.stringify(quality) === JSON.stringify(body.quality)) continue
        await store.rewriteReport(row.id, { ...body, quality })
        hasChanged = true
      }
      seen.set(key, { all: `${oldest.id}/${all}`, windows: stamps })
      if (hasChanged) await tell(monitor, spec)
    },
  }
}

const stampOf = ({ count, newest }: { count: number; newest: number }): string =>
  `${count}/${newest}`
