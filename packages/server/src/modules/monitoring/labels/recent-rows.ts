import { createNewestMap } from '../../../kernel/newest-map.ts'
import type { Scalar } from '../../../kernel/scalar.ts'
import type { PredictionRow } from '../inference-log/prediction-row.ts'
import { rowId } from '../inference-log/prediction-row.ts'
import { createOutputFacts, type OutputFacts } from '../outcome.ts'
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

/** Requests that are remembered at most; older ones are looked up in the log. */
const MAX_REQUESTS = 20_000

const ROW = /^(.*)\.(\d+)$/

/** The latest predictions by id, so that a prompt label finds its prediction without a look at the disk. A request is remembered with its shadows. */
export function createRecentRows() {
  // By the prediction id alone: ids are random and never shared.
  const factsOf = createOutputFacts()
  const requests = createNewestMap<string, Kept[]>(MAX_REQUESTS)

  const rowsOf = (events: readonly Kept[], index: number): LabelledRow[] =>
    events.flatMap((event) => (index < Math.max(1, event.rows) ? [toRow(event, index)] : []))

  return {
    observe(event: InferenceCompleted): void {
      if (event.status !== 'ok') return
      const key = event.pairedWith ?? event.predictionId
      const known = requests.get(key)
      const kept = keep(event, factsOf(event.outputs))
      if (known === undefined) requests.set(key, [kept])
      else known.push(kept)
    },
    /** The live prediction with this id and its shadows; empty when the live one is not remembered. */
    find(project: string, id: string): readonly LabelledRow[] {
      const named = ROW.exec(id)
      const rows = [
        ...rowsOf(requests.get(id) ?? [], 0),
        ...(named === null ? [] : rowsOf(requests.get(named[1] ?? '') ?? [], Number(named[2]))),
      ].filter((row) => row.project === project)
      return rows.some((row) => row.predictionId === id) ? rows : []
    },
  }
}
export type RecentRows = ReturnType<typeof createRecentRows>

/** What is remembered: not the inputs, which are the bulk of a request. */
type Kept = Pick<
  InferenceCompleted,
  'predictionId' | 'project' | 'endpoint' | 'endpointId' | 'variant' | 'role' | 'at' | 'rows'
> &
  Readonly<{ scores: Values; classes: Values }>

/** Of one row, as most requests have, the value itself. */
type Values = Scalar | null | readonly (Scalar | null)[]

const valuesOf = (event: InferenceCompleted, at: number): Values => {
  const values = event.outputs[at]?.values
  if (values === undefined) return null
  return event.rows <= 1 ? (values[0] ?? null) : Array.from(values)
}

const valueAt = (values: Values, row: number): Scalar | null =>
  typeof values === 'object' ? (values?.[row] ?? null) : row === 0 ? values : null

const keep = (event: InferenceCompleted, { scoreAt, classAt }: OutputFacts): Kept => ({
  predictionId: event.predictionId,
  project: event.project,
  endpoint: event.endpoint,
  endpointId: event.endpointId,
  variant: event.variant,
  role: event.role,
  at: event.at,
  rows: event.rows,
  scores: valuesOf(event, scoreAt),
  classes: valuesOf(event, classAt),
})

function toRow(event: Kept, index: number): LabelledRow {
  const score = valueAt(event.scores, index)
  return {
    predictionId: rowId(event.predictionId, index, Math.max(1, event.rows)),
    project: event.project,
    endpoint: event.endpoint,
    endpointId: event.endpointId,
    variant: event.variant,
    role: event.role,
    at: event.at,
    score: typeof score === 'number' ? score : null,
    predicted: valueAt(event.classes, index),
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
