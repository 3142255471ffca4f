import type { MonitorSpec } from '@trestle/contract'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import type { PredictionFilter, PredictionRow } from '../inference-log/prediction-row.ts'
import type { MonitorRow } from './store.ts'

/** Rows that a monitor looks at in one window: above it, an even sample is taken. */
export const MAX_WINDOW_ROWS = 50_000

/** A row is old enough to be in a window after this: answers that took long are logged under the time of their request. */
export const SETTLE_MS = 2_000

/** One stretch of live answers, with where the next one begins. */
export type Window = Readonly<{
  rows: readonly PredictionRow[]
  from: number
  to: number
  next: { cursor_at: number; cursor_id: string }
}>

/** The next window that is complete, or null. Windows by rows follow each other row by row, windows by time without gaps. */
export async function nextWindow(
  log: InferenceLog,
  monitor: MonitorRow,
  request: { spec: MonitorSpec; now: number }
): Promise<Window | null> {
  const { spec, now } = request
  const settled = now - SETTLE_MS
  if (spec.window.kind === 'time') {
    const from = monitor.cursor_at
    const to = from + spec.window.ms
    if (to > settled) return null
    const rows = await sampleBetween(log, filterOf(monitor, spec), { from, to })
    return { rows, from, to, next: { cursor_at: to, cursor_id: '' } }
  }
  const rows = await log.rows({
    filter: { ...filterOf(monitor, spec), from: monitor.cursor_at, to: settled },
    order: 'oldest',
    after: { at: monitor.cursor_at, predictionId: monitor.cursor_id },
    limit: spec.window.rows,
  })
  const [first] = rows
  const last = rows.at(-1)
  if (first === undefined || last === undefined || rows.length < spec.window.rows) return null
  return {
    rows,
    from: first.at,
    to: last.at + 1,
    next: { cursor_at: last.at, cursor_id: last.predictionId },
  }
}

/** The latest rows, complete window or not. */
export async function latestWindow(
  log: InferenceLog,
  monitor: MonitorRow,
  request: { spec: MonitorSpec; now: number }
): Promise<Window> {
  const { spec, now } = request
  const next = { cursor_at: monitor.cursor_at, cursor_id: monitor.cursor_id }
  if (spec.window.kind === 'time') {
    const from = now - spec.window.ms
    const rows = await sampleBetween(log, filterOf(monitor, spec), { from, to: now + 1 })
    return { rows, from, to: now, next }
  }
  const rows = await log.rows({
    filter: filterOf(monitor, spec),
    order: 'newest',
    after: null,
    limit: spec.window.rows,
  })
  return { rows, from: rows.at(-1)?.at ?? now, to: (rows[0]?.at ?? now) + 1, next }
}

/** Answered live requests of the monitor's endpoint or variant. */
export const filterOf = (monitor: MonitorRow, spec: MonitorSpec): PredictionFilter => ({
  project: monitor.project,
  endpoint: spec.endpoint,
  role: 'live',
  status: 'ok',
  ...(spec.variant === null ? {} : { variant: spec.variant }),
})

/** Rows between two moments, thinned evenly when there are very many. */
export async function sampleBetween(
  log: InferenceLog,
  filter: PredictionFilter,
  span: { from: number; to: number }
): Promise<PredictionRow[]> {
  const within = { ...filter, ...span }
  const thin = Math.ceil((await log.count(within)) / MAX_WINDOW_ROWS)
  return log.rows({ filter: within, order: 'oldest', after: null, limit: MAX_WINDOW_ROWS, thin })
}
