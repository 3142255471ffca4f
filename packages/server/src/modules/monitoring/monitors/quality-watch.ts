import type { MonitorSpec, QualityReport } from '@trestle/contract'
import type { Alerts } from '../alerts/alerts.ts'
import { judgeQuality } from '../drift/quality.ts'
import type { Span } from '../drift/reference.ts'
import type { LabelStore, OutcomeRow } from '../labels/store.ts'
import type { References } from './references.ts'
import { bodyOf, type MonitorRow, type MonitorStore, type ReportRow } from './store.ts'

/** Labelled predictions that the change detectors read. */
const HISTORY = 10_000
const DAY_MS = 86_400_000
/** Windows of a monitor that late labels can still change, newest first. */
const WINDOWS_REVISITED = 50

type Watched = Readonly<{ monitor: MonitorRow; spec: MonitorSpec }>

/**
 * Judges the quality of windows. Labels come late: a window is judged when it is complete, and again whenever labels came since, for it or for its
 * reference. The alert follows the newest window that has labels enough.
 */
export function createQualityWatch(deps: {
  store: MonitorStore
  labels: LabelStore
  alerts: Alerts
  references: References
  endpointId: (project: string, endpoint: string) => string | null
}) {
  const { store, labels, alerts, references } = deps
  // What the labels of the revisited windows came to, of all together and of each. In memory: after a restart they are judged once more.
  const seen = new Map<string, { all: string; windows: Map<string, string> }>()

  async function judge(
    { monitor, spec }: Watched,
    window: { from: number; to: number; predictions: number }
  ): Promise<QualityReport | null> {
    const endpointId = deps.endpointId(monitor.project, spec.endpoint)
    if (spec.quality === null || endpointId === null) return null
    const between = (from: number, to: number) =>
      labels.outcomes({ endpointId, variant: spec.variant, from, to, limit: HISTORY })
    const referenceOutcomes: OutcomeRow[][] = []
    for (const span of await references.spansOf(monitor, spec, window))
      referenceOutcomes.push(await between(span.from, span.to))
    return judgeQuality(
      {
        outcomes: await between(window.from, window.to),
        referenceOutcomes: referenceOutcomes.flat(),
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
      const stampOf = async (spans: readonly Span[]): Promise<string> => {
        const stamps: string[] = []
        for (const { from, to } of spans) {
          const found = await labels.labelled({ endpointId, variant: spec.variant, from, to })
          stamps.push(`${found.count}/${found.newest}`)
        }
        return stamps.join(' ')
      }
      const spanOf = (row: ReportRow): Span => ({ from: row.from_at, to: row.to_at })
      const before = seen.get(`${monitor.project}/${monitor.name}`)
      const earliest = await references.spansOf(monitor, spec, spanOf(oldest))
      const from = Math.min(oldest.from_at, ...earliest.map((span) => span.from))
      const to = Math.max(...windows.map((window) => window.to_at))
      const all = `${oldest.id}/${await stampOf([{ from, to }])}`
      if (before?.all === all) return
      const stamps = new Map<string, string>()
      let hasChanged = false
      for (const row of windows) {
        const spans = await references.spansOf(monitor, spec, spanOf(row))
        const stamp = await stampOf([spanOf(row), ...spans])
        stamps.set(row.id, stamp)
        if (before?.windows.get(row.id) === stamp) continue
        const body = bodyOf(row)
        const quality = await judge(watched, { ...spanOf(row), predictions: row.row_count })
        if (JSON.stringify(quality) === JSON.stringify(body.quality)) continue
        await store.rewriteReport(row.id, { ...body, quality })
        hasChanged = true
      }
      seen.set(`${monitor.project}/${monitor.name}`, { all, windows: stamps })
      if (hasChanged) await tell(monitor, spec)
    },
  }
}
export type QualityWatch = ReturnType<typeof createQualityWatch>
