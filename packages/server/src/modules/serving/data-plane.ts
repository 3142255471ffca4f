import { AppError } from '../../kernel/errors.ts'
import { randomHexId } from '../../kernel/ids.ts'
import type { Clock } from '../../kernel/clock.ts'
import { fail } from '../../platform/errors.ts'
import type { Telemetry } from '../../platform/telemetry/otlp/index.ts'
import type { Admission } from './admission.ts'
import { DEFAULT_PRIORITY } from './fair-queue.ts'
import { contentKey } from './answer-cache.ts'
import { checkInputs } from './check-inputs.ts'
import type { FeatureReader } from './feature-reader.ts'
import type { Fleet, LiveEndpoint, LiveVariant } from './fleet.ts'
import {
  CompletedPrediction,
  rowsIn,
  type Prediction,
  type Result,
} from './completed-prediction.ts'
import type { InferenceCompleted } from './inference-event.ts'
import type { InferenceAnswer, InferenceRequest } from './inference-request.ts'
import type { PayloadCopy } from './payload-events/emitter.ts'
import { prepareInputs } from './prepare-inputs.ts'
import type { ServedModel } from './served-model.ts'
import { stickyKeyOf } from './sticky-key.ts'
import { chooseVariant, isShadowed } from './traffic.ts'

/** Answers predictions from the fleet. Knows no protocol. */
export interface DataPlane {
  /** Throws catalogued errors; every request of a known endpoint is told of through `onCompleted`, failed ones too. */
  infer(request: InferenceRequest): Promise<InferenceAnswer>
  /** Resolves when what was told of so far has been passed on. */
  flush(): Promise<void>
}

export function createDataPlane(deps: {
  fleet: Fleet
  features: FeatureReader | null
  admit: Admission
  mayShadow: (endpointId: string, variant: string) => boolean
  clock: Clock
  limits: { timeoutMs: number; shadowTimeoutMs: number }
  /** Null: nobody traces. */
  telemetry: Telemetry | null
  onCompleted: (event: InferenceCompleted) => void
  /** Takes a copy of a live prediction for its endpoint's logger. Never waits. */
  offerPayload: (payload: PayloadCopy) => void
}): DataPlane {
  const { fleet, clock, limits } = deps
  // What is left to do once an answer is on its way: telling of it, and its shadows. Done in a later turn, so that the answer leaves first.
  let afterwards: (() => void)[] = []
  const later = (task: () => void): void => {
    if (afterwards.push(task) > 1) return
    setImmediate(() => {
      const tasks = afterwards
      afterwards = []
      for (const each of tasks) each()
    })
  }

  const run = async (prediction: Prediction, deadline: number): Promise<Result> => {
    const { request, endpoint, variant, role } = prediction
    const result: Result = { served: null, prepared: null, outcome: null, error: null }
    let release: (() => void) | undefined
    try {
      while (variant.served === null && variant.isReturning)
        await before(deadline, fleet.wake(endpoint, variant))
      const served = readyModel(endpoint, variant)
      release = served.lease()
      variant.usedAt = prediction.begunAt
      result.served = served
      const prepared = prepareInputs(
        { features: deps.features, served, stored: endpoint.stored, at: prediction.at },
        request.payload
      )
      result.prepared = prepared instanceof Promise ? await prepared : prepared
      const { inputs, rows } = checkInputs(served.spec, result.prepared.tensors)
      // A shadow is there to be measured: it runs.
      const answers = role === 'live' ? variant.answers : null
      const key = answers === null ? '' : contentKey(inputs)
      const kept = answers?.get(key) ?? null
      if (kept !== null) {
        result.outcome = { outputs: kept, queueMs: 0, computeMs: 0, busyMs: 0, isCached: true }
        return result
      }
      result.outcome = await served.batcher.run({
        inputs,
        rows,
        deadline,
        isGone: role === 'live' ? request.isGone : stays,
        caller: request,
        priority: request.priority ?? DEFAULT_PRIORITY,
        share: request.apiKeyId ?? '',
      })
      answers?.put(key, result.outcome.outputs)
    } catch (error) {
      result.error = error
    } finally {
      release?.()
    }
    return result
  }

  const tell = (prediction: Prediction, result: Result, latencyMs: number): void => {
    const event = new CompletedPrediction(prediction, result, latencyMs)
    prediction.variant.meter.done(event)
    deps.onCompleted(event)
  }

  const shadow = (prediction: Prediction): void => {
    const { endpoint } = prediction
    for (const { variant: name, share } of endpoint.plan.shadows) {
      const variant = endpoint.variants.get(name)
      if (variant === undefined || variant === prediction.variant) continue
      if (!isShadowed(share, { salt: `${endpoint.plan.salt}/${name}`, id: prediction.id })) continue
      const isTaken =
        deps.mayShadow(endpoint.stored.id, name) &&
        variant.shadows.offer(async () => {
          const copy: Prediction = {
            ...prediction,
            variant,
            id: randomHexId(),
            at: clock.now(),
            begunAt: performance.now(),
            role: 'shadow',
            pairedWith: prediction.id,
            trace:
              prediction.trace === null ? null : (deps.telemetry?.under(prediction.trace) ?? null),
          }
          const result = await run(copy, copy.begunAt + limits.shadowTimeoutMs)
          tell(copy, result, performance.now() - copy.begunAt)
        })
      if (!isTaken) variant.meter.shadowDropped()
    }
  }

  return {
    async infer(request) {
      const begunAt = performance.now()
      const endpoint = fleet.find(request.project, request.endpoint)
      if (endpoint === undefined)
        throw fail('serving.endpoint_not_found', `No endpoint "${request.endpoint}"`, {
          details: { endpoint: request.endpoint },
        })
      const admission = deps.admit(request)
      if (admission.kind === 'refused')
        throw fail(
          'costs.budget_exceeded',
          `The budget "${admission.budget}" is spent: "${request.endpoint}" answers again in its next period, or when the budget is raised`,
          { details: { budget: admission.budget } }
        )
      const stickyKey = stickyKeyOf(request, endpoint)
      const prediction: Prediction = {
        request,
        endpoint,
        variant: pickVariant(endpoint, request, stickyKey),
        id: randomHexId(),
        at: clock.now(),
        begunAt,
        stickyKey,
        role: 'live',
        pairedWith: null,
        trace:
          deps.telemetry?.begin(request.header('traceparent'), request.header('tracestate')) ??
          null,
      }
      const timeoutMs = Math.min(request.timeoutMs ?? Infinity, limits.timeoutMs)
      const result = await run(prediction, begunAt + timeoutMs)
      const latencyMs = performance.now() - begunAt
      const hasRun = result.outcome !== null || isModelFailure(result.error)
      later(() => {
        tell(prediction, result, latencyMs)
        const copy = payloadOf(prediction, result, latencyMs)
        if (copy !== null) deps.offerPayload(copy)
        if (hasRun) shadow(prediction)
      })
      if (result.outcome === null) throw result.error
      const { variant } = prediction
      return {
        predictionId: prediction.id,
        variant: variant.name,
        model: variant.model,
        rows: rowsIn(result),
        outputs: result.outcome.outputs,
        ...(result.outcome.isCached === true ? { isCached: true } : {}),
      }
    },
    flush: () =>
      new Promise((resolve) => {
        if (afterwards.length === 0) resolve()
        else later(resolve)
      }),
  }
}

/** Waits for `work` until the deadline; what it was waited for goes on. */
async function before(deadline: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(fail('request.deadline_exceeded', 'The deadline passed while the model was loaded')),
      Math.max(0, deadline - performance.now())
    )
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const stays = (): boolean => false

function pickVariant(
  endpoint: LiveEndpoint,
  request: InferenceRequest,
  stickyKey: string | null
): LiveVariant {
  const { variants, plan } = endpoint
  if (request.variant !== null) {
    const forced =
      variants.get(request.variant) ??
      [...variants.values()].find(({ model }) => String(model.version) === request.variant)
    if (forced !== undefined) return forced
    throw fail(
      'serving.variant_not_found',
      `Endpoint "${request.endpoint}" has no variant "${request.variant}"`,
      { details: { endpoint: request.endpoint, variant: request.variant } }
    )
  }
  const chosen = chooseVariant(plan, stickyKey ?? request.requestId)
  const variant = chosen === null ? undefined : variants.get(chosen)
  if (variant?.state === 'ready' || variant?.isReturning === true) return variant
  // A variant that is not in memory (its model broke, or is still loading after a restart) must not cost its share of callers their answers.
  const standIns = plan.ranges.flatMap((range) => variants.get(range.variant) ?? [])
  const standIn = standIns.find(({ state }) => state === 'ready') ?? variant
  if (standIn !== undefined) return standIn
  throw fail('serving.not_ready', `Endpoint "${request.endpoint}" has no variant with traffic`)
}

function readyModel(endpoint: LiveEndpoint, variant: LiveVariant): ServedModel {
  if (variant.served !== null) return variant.served
  if (variant.llm !== null)
    throw fail(
      'request.invalid',
      `"${endpoint.stored.name}" is an LLM; call it as model "${endpoint.stored.name}" at /v1/chat/completions`
    )
  throw fail(
    'serving.not_ready',
    variant.state === 'failed'
      ? `Variant "${variant.name}" of "${endpoint.stored.name}" failed to load: ${variant.error ?? ''}`
      : `Variant "${variant.name}" of "${endpoint.stored.name}" is ${variant.state}`
  )
}

const isModelFailure = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'serving.model_failed'

/** Null when the endpoint has no logger, or nothing was asked that a model could take. */
function payloadOf(
  { endpoint, variant, id, at }: Prediction,
  { prepared, outcome }: Result,
  latencyMs: number
): PayloadCopy | null {
  const { logger, project, name } = endpoint.stored
  if (logger === null || prepared === null) return null
  return {
    logger,
    predictionId: id,
    project,
    endpoint: name,
    variant: variant.name,
    version: variant.model.version,
    at,
    latencyMs,
    inputs: prepared.tensors,
    outputs: outcome?.outputs ?? null,
  }
}
