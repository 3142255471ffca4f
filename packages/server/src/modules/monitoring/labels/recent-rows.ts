import type { Scalar } from '../../../kernel/scalar.ts'
import { rowId, toRows, type PredictionRow } from '../inference-log/prediction-row.ts'
import type { InferenceCompleted } from '../../serving/index.ts'

/** What a label needs to know of a prediction. */
export type LabelledRow = Readonly<{
  predictionId: string
  project: string
  endpoint: string
  endpointId: string
  variant: string
  role: 'live' | 'shadow'
  at: number
  score: number | null
  predicted: Scalar | null
}>

/** Requests that are remembered; older ones are looked up in the log. */
const MAX_REQUESTS = 20_000

/** The latest predictions by id, so that a prompt label finds its prediction without a look at the disk. A request is remembered with its shadows. */
export function createRecentRows() {
  const requests = new Map<string, LabelledRow[]>()
  const keyOf = (project: string, id: string): string => `${project}\u0000${id}`

  return {
    observe(event: InferenceCompleted): void {
      if (event.status !== 'ok') return
      const rows = toRows(event)
      const total = Math.max(1, event.rows)
      rows.forEach((row, i) => {
        const id = rowId(event.pairedWith ?? event.predictionId, i, total)
        const key = keyOf(event.project, id)
        const known = requests.get(key) ?? []
        known.push(toLabelledRow(row))
        requests.set(key, known)
      })
      while (requests.size > MAX_REQUESTS) requests.delete(requests.keys().next().value ?? '')
    },
    /** The prediction with this id first, then its shadows; empty when the live one is not remembered. */
    find(project: string, id: string): readonly LabelledRow[] {
      const rows = requests.get(keyOf(project, id)) ?? []
      return rows.some((row) => row.predictionId === id) ? rows : []
    },
  }
}
export type RecentRows = ReturnType<typeof createRecentRows>

export const toLabelledRow = (row: PredictionRow): LabelledRow => ({
  predictionId: row.predictionId,
  project: row.project,
  endpoint: row.endpoint,
  endpointId: row.endpointId,
  variant: row.variant,
  role: row.role,
  at: row.at,
  score: row.score,
  predicted: row.predicted,
})
