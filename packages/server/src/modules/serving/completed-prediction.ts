import { AppError } from '../../kernel/errors.ts'
import type { Scalar } from '../../kernel/scalar.ts'
import type { Outcome } from './batcher.ts'
import type { LiveEndpoint, LiveVariant } from './fleet.ts'
import type { InferenceCompleted, LoggedColumn } from './inference-event.ts'
import type { InferenceRequest } from './inference-request.ts'
import { loggedColumns, numberTable } from './logged-columns.ts'
import type { Prepared } from './prepare-inputs.ts'
import type { ServedModel } from './served-model.ts'
import type { TraceContext } from '../../platform/telemetry/otlp/index.ts'
/** A prediction under way. */
export type Prediction = Readonly<{
  request: InferenceRequest
  endpoint: LiveEndpoint
  variant: LiveVariant
  id: string
  at: number
  begunAt: number
  stickyKey: string | null
  role: 'live' | 'shadow'
  pairedWith: string | null
  /** Null: nobody traces. */
  trace: TraceContext | null
}>

/** What became of it. */
export type Result = {
  served: ServedModel | null
  prepared: Prepared | null
  outcome: Outcome | null
  error: unknown
}

/** What is told of a prediction. A class, because thousands wait for the log at a time: its objects share one shape, and columns are made when they are asked for. */
export class CompletedPrediction implements InferenceCompleted {
  readonly predictionId: string
  readonly requestId: string
  readonly project: string
  readonly endpoint: string
  readonly endpointId: string
  readonly variant: string
  readonly model: InferenceCompleted['model']
  readonly role: InferenceCompleted['role']
  readonly isForced?: true
  readonly isShadowed?: true
  readonly isCached?: true
  readonly pairedWith: string | null
  readonly at: number
  readonly latencyMs: number
  readonly stages: InferenceCompleted['stages']
  readonly busyMs: number
  readonly device: InferenceCompleted['device']
  readonly status: InferenceCompleted['status']
  readonly errorCode: string | null
  readonly stickyKey: string | null
  readonly apiKeyId: string | null
  readonly entities: InferenceCompleted['entities']
  readonly rows: number
  readonly inputTable: NonNullable<InferenceCompleted['inputTable']> | null
  readonly oldestFeatureAt: number | null
  readonly trace: NonNullable<InferenceCompleted['trace']> | null
  readonly #prepared: Prepared | null
  readonly #served: ServedModel | null
  readonly #outcome: Outcome | null
  #inputs: readonly LoggedColumn[] | null = null
  #outputs: readonly LoggedColumn[] | null = null

  constructor(prediction: Prediction, result: Result, latencyMs: number) {
    const { request, endpoint, variant } = prediction
    const { served, prepared, outcome, error } = result
    const code =
      error instanceof AppError ? error.code : error === null ? null : 'internal.unexpected'
    this.predictionId = prediction.id
    this.requestId = request.requestId
    this.project = request.project
    this.endpoint = endpoint.stored.name
    this.endpointId = endpoint.stored.id
    this.variant = variant.name
    this.model = variant.model
    this.role = prediction.role
    this.pairedWith = prediction.pairedWith
    this.at = prediction.at
    this.latencyMs = latencyMs
    this.stages = {
      featuresMs: prepared?.featuresMs ?? 0,
      queueMs: outcome?.queueMs ?? 0,
      computeMs: outcome?.computeMs ?? 0,
    }
    this.busyMs = outcome?.busyMs ?? 0
    this.device = served?.device ?? 'cpu'
    this.status = code === null ? 'ok' : statusOf(code)
    this.errorCode = code
    this.stickyKey = prediction.stickyKey
    this.apiKeyId = request.apiKeyId
    this.entities = prepared?.entities ?? NO_ENTITIES
    this.rows = rowsIn(result)
    this.inputTable =
      prepared === null ? null : numberTable(prepared.tensors, served?.table ?? null)
    this.oldestFeatureAt = prepared?.oldestFeatureAt ?? null
    this.trace = prediction.trace
    if (outcome?.isCached === true) this.isCached = true
    if (prediction.role === 'live') {
      if (request.variant !== null) this.isForced = true
      if (endpoint.plan.shadows.length > 0) this.isShadowed = true
    }
    this.#prepared = prepared
    this.#served = served
    this.#outcome = outcome
  }

  get inputs(): readonly LoggedColumn[] {
    return (this.#inputs ??=
      this.#prepared === null
        ? []
        : loggedColumns(this.#prepared.tensors, this.#served?.inputs.stacked ?? null))
  }

  get outputs(): readonly LoggedColumn[] {
    return (this.#outputs ??=
      this.#outcome === null ? [] : loggedColumns(this.#outcome.outputs, null))
  }
}

const NO_ENTITIES: Readonly<Record<string, Scalar>> = {}

/** Rows of the request; 0 before they are known. */
export function rowsIn({ prepared }: Result): number {
  const first = prepared?.tensors[0]
  return first?.shape[0] ?? (first === undefined ? 0 : 1)
}

/** `error` is the model's fault alone: a caller's mistake or a full queue must not count against a variant. */
export function statusOf(code: string): 'error' | 'timeout' | 'rejected' {
  if (code === 'request.deadline_exceeded' || code === 'serving.upstream_timeout') return 'timeout'
  const isRefusal =
    code.startsWith('request.') ||
    code === 'serving.overloaded' ||
    code === 'serving.throttled' ||
    code === 'serving.not_ready'
  return isRefusal ? 'rejected' : 'error'
}
