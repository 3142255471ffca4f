import {
  createDdSketch,
  createMoments,
  ddSketchFromJSON,
  type DdSketch,
  type DdSketchState,
  type Moments,
  type MomentsState,
} from '@trestle/stats'
import type { InferenceCompleted } from '../../serving/index.ts'
import type { OutputFacts } from '../outcome.ts'
import { addLossSums, emptyLossSums, type LossSums } from './loss-sums.ts'

/** What is counted of one arm over a stretch of time. Sketches are made when the first value comes. */
export type ArmTotals = {
  requests: number
  /** Requests that named their variant themselves, and so were not dealt by the traffic. */
  forced: number
  rows: number
  errors: number
  timeouts: number
  rejected: number
  nanOutputs: number
  busyMs: number
  /** Answers by the names and types of their outputs. */
  schemas: Record<string, number>
  latency: DdSketch | null
  /** Of requests that read features: how old the oldest value was, in ms. */
  featureAge: DdSketch | null
  score: Moments
  scores: DdSketch | null
  loss: LossSums
}

export const emptyArmTotals = (): ArmTotals => ({
  requests: 0,
  forced: 0,
  rows: 0,
  errors: 0,
  timeouts: 0,
  rejected: 0,
  nanOutputs: 0,
  busyMs: 0,
  schemas: {},
  latency: null,
  featureAge: null,
  score: createMoments(),
  scores: null,
  loss: emptyLossSums(),
})

export function addEvent(
  totals: ArmTotals,
  event: InferenceCompleted,
  factsOf: (outputs: InferenceCompleted['outputs']) => OutputFacts
): void {
  totals.requests++
  if (event.isForced === true) totals.forced++
  totals.busyMs += event.busyMs
  if (event.status === 'error') totals.errors++
  if (event.status === 'timeout') totals.timeouts++
  if (event.status === 'rejected') totals.rejected++
  if (event.status !== 'rejected') (totals.latency ??= createDdSketch()).update(event.latencyMs)
  if (event.oldestFeatureAt !== null)
    (totals.featureAge ??= createDdSketch()).update(Math.max(0, event.at - event.oldestFeatureAt))
  if (event.status !== 'ok') return
  totals.rows += event.rows
  const { outputs } = event
  const { schema, scoreAt } = factsOf(outputs)
  addSchema(totals.schemas, schema, 1)
  for (const column of outputs) {
    if (column.type !== 'float') continue
    for (let i = 0; i < column.values.length; i++) {
      const value = column.values[i]
      if (typeof value !== 'number' || !Number.isFinite(value)) totals.nanOutputs++
    }
  }
  const scores = outputs[scoreAt]
  if (scores === undefined) return
  const numbers = Array.from(scores.values, (v) => (typeof v === 'number' ? v : NaN))
  totals.score.updateMany(numbers)
  const sketch = (totals.scores ??= createDdSketch())
  sketch.updateMany(numbers)
}

/** More kinds of answers than this are counted together: a model that names its outputs anew each time must not fill the memory. */
const MAX_SCHEMAS = 16
const OTHER_SCHEMAS = 'others'

function addSchema(schemas: Record<string, number>, schema: string, times: number): void {
  const isRoom = schema in schemas || Object.keys(schemas).length < MAX_SCHEMAS
  const key = isRoom ? schema : OTHER_SCHEMAS
  schemas[key] = (schemas[key] ?? 0) + times
}

export function mergeArmTotals(into: ArmTotals, from: ArmTotals): void {
  into.requests += from.requests
  into.forced += from.forced
  into.rows += from.rows
  into.errors += from.errors
  into.timeouts += from.timeouts
  into.rejected += from.rejected
  into.nanOutputs += from.nanOutputs
  into.busyMs += from.busyMs
  for (const [schema, times] of Object.entries(from.schemas)) addSchema(into.schemas, schema, times)
  into.latency = mergeSketch(into.latency, from.latency)
  into.featureAge = mergeSketch(into.featureAge, from.featureAge)
  into.scores = mergeSketch(into.scores, from.scores)
  into.score.merge(from.score.toJSON())
  addLossSums(into.loss, from.loss)
}

function mergeSketch(into: DdSketch | null, from: DdSketch | null): DdSketch | null {
  if (from === null) return into
  const target = into ?? createDdSketch()
  target.merge(from.toJSON())
  return target
}

export type ArmTotalsState = Omit<ArmTotals, 'latency' | 'featureAge' | 'scores' | 'score'> & {
  latency: DdSketchState | null
  featureAge: DdSketchState | null
  scores: DdSketchState | null
  score: MomentsState
}

export const saveArmTotals = (totals: ArmTotals): ArmTotalsState => ({
  ...totals,
  latency: totals.latency?.toJSON() ?? null,
  featureAge: totals.featureAge?.toJSON() ?? null,
  scores: totals.scores?.toJSON() ?? null,
  score: totals.score.toJSON(),
})

/** The labelled part is left empty: labels are counted anew from their table. */
export const loadArmTotals = (state: ArmTotalsState): ArmTotals => ({
  ...state,
  latency: state.latency === null ? null : ddSketchFromJSON(state.latency),
  featureAge: state.featureAge === null ? null : ddSketchFromJSON(state.featureAge),
  scores: state.scores === null ? null : ddSketchFromJSON(state.scores),
  score: createMoments(state.score),
  loss: emptyLossSums(),
})
