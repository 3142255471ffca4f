import type { MonitorSpec, QualityEstimate, QualityReport } from '@trestle/contract'
import type { Scalar } from '../../../kernel/scalar.ts'
import type { Alerts } from '../alerts/alerts.ts'
import { estimateQuality, type AnsweredAndLabelled } from '../drift/estimate.ts'
import { judgeQuality } from '../drift/quality.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import type { PredictionRow } from '../inference-log/prediction-row.ts'
import type { Span } from '../drift/reference.ts'
import type { LabelStore, OutcomeRow } from '../labels/store.ts'
import type { References } from './references.ts'
import { filterOf, type Window } from './windows.ts'
import { bodyOf, type MonitorRow, type MonitorStore, type ReportRow } from './store.ts'

/** Labelled predictions that the change detectors read. */
const HISTORY = 10_000
/** Labelled predictions of the reference that an estimate is learnt from. */
const LEARNT_FROM = 5_000
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
  log: InferenceLog
  endpointId: (project: string, endpoint: string) => string | null
}) {
  const { store, labels, alerts, references } = deps
  // What the labels of the revisited windows came to, of all together and of each. In memory: after a restart they are judged once more.
  const seen = new Map<string, { all: string; windows: Map<string, string> }>()

  /** What the window's answers let expect, learnt from the labelled answers of the reference. */
  async function estimate(
    { monitor, spec }: Watched,
    window: Window
  ): Promise<QualityEstimate | null> {
    const endpointId = deps.endpointId(monitor.project, spec.endpoint)
    if (spec.quality === null || endpointId === null) return null
    const known: AnsweredAndLabelled[] = []
    for (const span of await references.spansOf(monitor, spec, window)) {
      const outcomes = await labels.outcomes({
        ...{ endpointId, variant: spec.variant, limit: LEARNT_FROM - known.length },
        ...{ from: span.from, to: span.to },
      })
      if (outcomes.length === 0) continue
      const inputs: ReadonlyMap<string, PredictionRow['inputs']> =
        spec.quality.problem === 'regression' ? await inputsOf(monitor, spec, span) : new Map()
      for (const row of outcomes)
        known.push({
          score: row.score,
          predicted: JSON.parse(row.predicted_json) as Scalar, // written by this module
          label: JSON.parse(row.label_json) as Scalar, // written by this module
          inputs: inputs.get(row.prediction_id) ?? {},
        })
    }
    return estimateQuality(known, window.rows, spec.quality)
  }

  async function inputsOf(
    monitor: MonitorRow,
    spec: MonitorSpec,
    span: Span
  ): Promise<ReadonlyMap<string, PredictionRow['inputs']>> {
    const rows = await deps.log.rows({
      filter: { ...filterOf(monitor, spec), ...span },
      ...{ order: 'newest', after: null, limit: LEARNT_FROM },
    })
    return new Map(rows.map((row) => [row.predictionId, row.inputs]))
  }

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

  /**
   * Raises or resolves the quality alert: by the newest window with labels enough and, unless that one is bad already, by the newest estimate since. An
   * estimate that finds nothing never takes back what labels said. Leaves the alert as it is while nothing is known.
   */
  async function tell(monitor: MonitorRow, spec: MonitorSpec): Promise<void> {
    const about = {
      project: monitor.project,
      endpoint: spec.endpoint,
      monitor: monitor.name,
      kind: 'quality' as const,
    }
    let expected: { estimate: QualityEstimate; reportId: string } | null = null
    let known: { quality: QualityReport; reportId: string } | null = null
    for (const row of await store.windows(monitor, WINDOWS_REVISITED)) {
      const { quality } = bodyOf(row)
      if (quality === null) continue
      // Older reports have none.
      const estimate = quality.estimate as QualityEstimate | null | undefined
      if (quality.state !== 'insufficient') {
        known = { quality, reportId: row.id }
        break
      }
      if (estimate !== null && estimate !== undefined) expected ??= { estimate, reportId: row.id }
    }
    if (known?.quality.state === 'worse')
      return alerts.raise({
        ...about,
        severity: 'page',
        title: `Worse predictions on ${spec.endpoint}`,
        summary: known.quality.finding,
        columns: [],
        reportId: known.reportId,
        onAlert: spec.onAlert,
      })
    if (expected?.estimate.state === 'worse')
      return alerts.raise({
        ...about,
        severity: 'ticket',
        title: `Worse predictions expected on ${spec.endpoint}`,
        summary: expected.estimate.finding,
        columns: [],
        reportId: expected.reportId,
        onAlert: spec.onAlert,
      })
    if (known !== null || expected !== null) return alerts.resolve(about)
  }

  return {
    /** A window that was just completed, with an estimate from its answers where that can be made. */
    async judgeNew(watched: Watched, window: Window): Promise<QualityReport | null> {
      const quality = await judge(watched, { ...window, predictions: window.rows.length })
      return quality === null ? null : { ...quality, estimate: await estimate(watched, window) }
    },
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
        const judged = await judge(watched, { ...spanOf(row), predictions: row.row_count })
        const quality =
          judged === null ? null : { ...judged, estimate: body.quality?.estimate ?? null }
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
