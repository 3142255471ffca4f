import type { Scalar } from '../../../kernel/scalar.ts'
import type { PredictionRow } from '../inference-log/prediction-row.ts'
import { rowId } from '../inference-log/prediction-row.ts'
import { predictedClass, scoreColumn } from '../outcome.ts'
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

const ROW = /^(.*)\.(\d+)$/

/** The latest predictions by id, so that a prompt label finds its prediction without a look at the disk. A request is remembered with its shadows. */
export function createRecentRows() {
  const requests = new Map<string, InferenceCompleted[]>()
  const keyOf = (project: string, id: string): string => `${project}\u0000${id}`

  const rowsOf = (events: readonly InferenceCompleted[], index: number): LabelledRow[] =>
    events.flatMap((event) => (index < Math.max(1, event.rows) ? [toRow(event, index)] : []))

  return {
    observe(event: InferenceCompleted): void {
      if (event.status !== 'ok') return
      const key = keyOf(event.project, event.pairedWith ?? event.predictionId)
      const known = requests.get(key)
      // The inputs are let go: they are the bulk of a request, and a label needs none.
      const kept = { ...event, inputs: [] }
      if (known === undefined) requests.set(key, [kept])
      else known.push(kept)
      if (requests.size > MAX_REQUESTS) requests.delete(requests.keys().next().value ?? '')
    },
    /** The live prediction with this id and its shadows; empty when the live one is not remembered. */
    find(project: string, id: string): readonly LabelledRow[] {
      const named = ROW.exec(id)
      const rows = [
        ...rowsOf(requests.get(keyOf(project, id)) ?? [], 0),
        ...(named === null
          ? []
          : rowsOf(requests.get(keyOf(project, named[1] ?? '')) ?? [], Number(named[2]))),
      ]
      return rows.some((row) => row.predictionId === id) ? rows : []
    },
  }
}
export type RecentRows = ReturnType<typeof createRecentRows>

function toRow(event: InferenceCompleted, index: number): LabelledRow {
  const score = scoreColumn(event.outputs)?.values[index]
  return {
    predictionId: rowId(event.predictionId, index, Math.max(1, event.rows)),
    project: event.project,
    endpoint: event.endpoint,
    endpointId: event.endpointId,
    variant: event.variant,
    role: event.role,
    at: event.at,
    score: typeof score === 'number' ? score : null,
    predicted: predictedClass(event.outputs)?.values[index] ?? null,
  }
}

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
