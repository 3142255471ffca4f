/**
 * Online serving: endpoints, their variants, runtimes and protocols. Owns the endpoint table and the path of a prediction.
 * Tells of every prediction through `completed`; knows nothing of who listens. What it needs of others it states as ports: models, features,
 * and whether a rollout holds an endpoint's traffic.
 */
import { availableParallelism } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../../kernel/clock.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import { fail } from '../../platform/errors.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Telemetry } from '../../platform/telemetry/otlp/index.ts'
import type { Admission } from './admission.ts'
import { createDataPlane, type DataPlane } from './data-plane.ts'
import { createEndpointControl } from './endpoint-control.ts'
import type { EndpointRecord, VariantRecord } from './endpoint.ts'
import type { FeatureReader } from './feature-reader.ts'
import { createFleet, toRecord, type Fleet } from './fleet.ts'
import type { InferenceCompleted } from './inference-event.ts'
import { addFamiliarMetrics, type MetricNames } from './familiar-metrics.ts'
import { createModelRoom } from './model-room.ts'
import type { ModelSource } from './model-source.ts'
import { createOipGrpc, type GrpcAddress, type GrpcListener } from './protocols/oip/grpc.ts'
import { NOT_HOSTED, type HostedSettings } from './protocols/hosted-settings.ts'
import { addProtocols } from './protocols/index.ts'
import { addServingRoutes, type TrafficGate } from './routes.ts'
import { createPayloadEvents } from './payload-events/index.ts'
import type { Runtime } from './runtime.ts'
import { createOnnxRuntime } from './runtimes/onnx/index.ts'
import { describeForGraph, inferForGraph } from './graph-port.ts'
import { createRemoteModels } from './runtimes/remote/index.ts'
import { createPythonModels, type PythonSettings } from './runtimes/python/index.ts'
import { createScripts } from './runtimes/script/index.ts'
import { watchBackends } from './llm/backend-watch.ts'
import { createCallLimits } from './llm/call-limits.ts'
import { resolveBackends } from './llm/backend.ts'
import { createLocalModels, type LocalHome } from './llm/local/local-models.ts'
import { createLlmGateway } from './llm/gateway.ts'
import { createLlmMetrics } from './llm/llm-metrics.ts'
import { createLimitBook } from './llm/limits/limit-book.ts'
import { addLimitRoutes } from './llm/limits/routes.ts'
import { createLimitStore } from './llm/limits/store.ts'
import { missingKeys } from './llm/llm-variant.ts'
import { freeAccounts, type KeySource, type LlmAccounts } from './llm/ports.ts'
import { noPrompts, type PromptSource } from './llm/prompt.ts'
import { createTokenCounter } from './llm/tokens/token-counter.ts'
import { createUpstream } from './llm/upstream.ts'
import { predictJson, type JsonAnswer, type JsonPrediction } from './predict-json.ts'
import { openScorer, scoreSettings, type Scorer, type ScoreTarget } from './scorer.ts'
import { measuredBatches, type MeasuredBatches } from './measured-batches.ts'
import { createPredictionTelemetry } from './prediction-telemetry.ts'
import { createModelLoader } from './served-model.ts'
import { createServingMetrics, type ServingMetrics } from './serving-metrics.ts'
import { createServingStore } from './store.ts'
import type { Traffic } from './traffic.ts'

export { servingMigrations } from './migrations/index.ts'
export type { EndpointRecord, VariantRecord } from './endpoint.ts'
export type { FeatureReader } from './feature-reader.ts'
export type { InferenceCompleted, LoggedColumn } from './inference-event.ts'
export type { ModelSource } from './model-source.ts'
export type { PromptSource } from './llm/prompt.ts'
export type { LlmUsage, UsageStatus } from './llm/llm-call.ts'
export type { ChargeScope, LlmAccounts } from './llm/ports.ts'
export type { Runtime } from './runtime.ts'
export type { MeasuredBatches } from './measured-batches.ts'
export type { Scorer, ScoreTarget } from './scorer.ts'
export type { Datatype } from './tensor.ts'

export type { Traffic } from './traffic.ts'

export type ServingConfig = Readonly<{
  /** Longest time that a prediction may take; a caller may ask for less. */
  timeoutMs: number
  /** Rows of one run of a model at most. */
  maxBatchRows: number
  /** Requests that may wait for one variant; one more is refused with 503. */
  maxQueued: number
  maxBodyBytes: number
  /** Copies that may wait for one shadow, and how many may be under way; more are dropped and counted. */
  maxShadowQueued: number
  maxShadowRunning: number
  shadowTimeoutMs: number
  /** What models may hold together, by the size of their files; the one idle longest goes first. Null: no limit. */
  modelMemoryBytes: number | null
  /** Whether variants may be scripts. */
  areScriptsAllowed: boolean
  /** Where models of processes of their own lie, and what those may see of the environment. */
  localModels: LocalHome
  /** For MLflow models without ONNX. */
  python: PythonSettings
  /** The platform that hosts the image, if one does. */
  hosted: HostedSettings
  /** Whose metric names are written beside our own. */
  metricNames: readonly MetricNames[]
}>

export const servingDefaults: ServingConfig = {
  timeoutMs: 30_000,
  maxBatchRows: 64,
  maxQueued: 1_024,
  maxBodyBytes: 64 * 1024 * 1024,
  maxShadowQueued: 256,
  maxShadowRunning: 16,
  shadowTimeoutMs: 10_000,
  modelMemoryBytes: null,
  areScriptsAllowed: true,
  localModels: { folder: 'local-models', env: {} },
  python: { command: null, env: {}, timeoutMs: 30_000, memoryMb: 4_096 },
  hosted: NOT_HOSTED,
  metricNames: [],
}

export interface Serving extends Component {
  routes(app: FastifyInstance): void
  /** The Open Inference Protocol over gRPC, to be started after the routes. */
  grpc(address: GrpcAddress): GrpcListener
  getEndpoint(project: string, name: string): Promise<EndpointRecord | null>
  listEndpoints(project: string): Promise<readonly EndpointRecord[]>
  /** Loads and warms the model before it returns; the variant has no traffic yet. Throws `serving.model_load_failed`. */
  addVariant(
    project: string,
    endpoint: string,
    request: { variant?: string; model: string }
  ): Promise<VariantRecord>
  /** One prediction as the plain JSON route makes it, for callers that have no HTTP request. Throws what that route answers. */
  predictJson(request: JsonPrediction): Promise<JsonAnswer>
  /** A model for tables, in memory beside those that answer online. Throws what the endpoint or the model reference throws. */
  openScorer(project: string, target: ScoreTarget): Promise<Scorer>
  /** Throws what `openScorer` would throw of a target that is not there; loads nothing. */
  checkTarget(project: string, target: ScoreTarget): Promise<void>
  /** Throws `resource.conflict` while the variant has traffic. */
  removeVariant(project: string, endpoint: string, variant: string): Promise<void>
  /** Persisted, then live at once; setting what is set already changes nothing. Throws `request.invalid` and `serving.not_ready`. */
  setTraffic(
    ...change: [project: string, endpoint: string, traffic: Traffic, by: string]
  ): Promise<void>
  /** Every finished prediction, live and shadow, failed ones too; published after the answer is on its way. */
  readonly completed: Topic<InferenceCompleted>
  /** Runs of the models of a project by their rows, since they were loaded here. */
  measuredBatches(project: string): readonly MeasuredBatches[]
  /** Throws `serving.not_ready` while models with traffic are being loaded after a start. */
  checkReady(): Promise<void>
}

const RELOAD_EVERY_MS = 2_000
const WATCH_BACKENDS_MS = 10_000
const RETRY_FAILED_MS = 30_000
const SWEEP_PAYLOADS_MS = 10_000

export function createServing(deps: {
  database: Database
  clock: Clock
  scheduler: Scheduler
  metrics: Registry
  log: Logger
  models: ModelSource
  features: FeatureReader | null
  mayChangeTraffic?: TrafficGate
  /** Everything is admitted when left out. */
  admit?: Admission
  /** Whether a copy of a request may go to a shadow; always when left out. Asked before each copy, so it must answer from memory. */
  mayShadow?: (endpointId: string, variant: string) => boolean
  runtime?: Runtime
  /** Prices and budgets of LLM calls; without it nothing is priced and everything is let in. */
  llmAccounts?: LlmAccounts
  /** Keys of LLM backends and remote models by the name of their variable. */
  llmKeys?: ReadonlyMap<string, string>
  /** Who is told of spans; nobody when left out or null. */
  telemetry?: Telemetry | null
  /** Where prompts come from; without it there are none. */
  prompts?: PromptSource
  config?: Partial<ServingConfig>
  version: string
}): Serving {
  const { clock, log, features } = deps
  const config = { ...servingDefaults, ...deps.config }
  const completed = createTopic<InferenceCompleted>('inference.completed', (error) =>
    log.error({ err: error }, 'a listener of inference.completed failed')
  )
  const keys: KeySource = (name) => deps.llmKeys?.get(name) ?? null
  const loading: Parameters<typeof createModelLoader>[0] = {
    source: deps.models,
    features,
    runtime: deps.runtime ?? createOnnxRuntime(),
    remotes: createRemoteModels({ clock, keys }),
    scripts: createScripts({ isAllowed: config.areScriptsAllowed }),
    python: createPythonModels(config.python),
    graphs: {
      describe: (project, endpoint) => describeForGraph(fleet, project, endpoint),
      infer: (call) => inferForGraph(dataPlane, call),
    },
    room: createModelRoom(config.modelMemoryBytes, () => fleet.evictIdlest()),
    limits: { maxBatchRows: config.maxBatchRows, maxQueued: config.maxQueued },
  }
  const loader = createModelLoader(loading)
  // A table's runs are long: they would hold this thread, and one after another they may have all cores.
  const tableLoader = createModelLoader({
    ...loading,
    runtime:
      deps.runtime ?? createOnnxRuntime({ inlineFileBytes: -1, threads: availableParallelism() }),
  })
  const accounts = deps.llmAccounts ?? freeAccounts
  const upstream = createUpstream()
  const tokens = createTokenCounter()
  const localModels = createLocalModels(config.localModels)
  const metrics: ServingMetrics = createServingMetrics(deps.metrics, () => queueDepths(fleet))
  const fleet: Fleet = createFleet({
    loader,
    metrics,
    log,
    shadowLimits: { maxQueued: config.maxShadowQueued, maxRunning: config.maxShadowRunning },
    llm: { clock, keys, accounts },
  })
  addFamiliarMetrics(deps.metrics, { names: config.metricNames, fleet, completed })
  const control = createEndpointControl({
    store: createServingStore(deps.database),
    fleet,
    loader,
    clock,
    prompts: deps.prompts ?? noPrompts,
    checkLlm: async (spec) => {
      const missing = missingKeys(spec, keys)
      if (missing.length > 0)
        throw fail(
          'serving.model_load_failed',
          `The server's environment has no ${missing.join(', ')}; set it and start the server again, or name another variable`
        )
      for (const { local } of resolveBackends(spec.backends))
        if (local !== null) await localModels.reach(local)
    },
  })
  const limitBook = createLimitBook(createLimitStore(deps.database))
  const llmCost = ({ llm }: InferenceCompleted): number | null => {
    if (llm == null) return 0
    const usd = accounts.priceOf({
      backend: { provider: llm.provider, priceAs: llm.model, billing: llm.billing },
      usage: llm.usage,
      serviceTier: llm.serviceTier,
    })
    return usd === null ? null : Number(usd)
  }
  const llmMetrics = createLlmMetrics(deps.metrics, { fleet, costOf: llmCost })
  const telemetry = deps.telemetry ?? null
  if (telemetry !== null) completed.subscribe(createPredictionTelemetry(telemetry, llmCost))
  const gateway = createLlmGateway({
    fleet,
    upstream,
    accounts,
    keys,
    tokens,
    clock,
    log,
    mayShadow: deps.mayShadow ?? (() => true),
    telemetry,
    localModels,
    limits: createCallLimits({ clock, limits: () => limitBook.known() }),
    onCompleted: (event) => {
      completed.publish(event)
      llmMetrics.done(event)
    },
  })
  const payloads = createPayloadEvents({
    registry: deps.metrics,
    clock,
    fleet,
    tell: (event) => completed.publish(event),
  })
  const dataPlane: DataPlane = createDataPlane({
    fleet,
    features,
    admit: deps.admit ?? (() => ({ kind: 'allowed' })),
    mayShadow: deps.mayShadow ?? (() => true),
    clock,
    limits: config,
    telemetry,
    onCompleted: (event) => completed.publish(event),
    offerPayload: (payload) => payloads.offer(payload),
  })
  deps.scheduler.every({
    name: 'serving.sweep-payload-events',
    intervalMs: SWEEP_PAYLOADS_MS,
    work: async () => payloads.sweep(),
  })
  deps.scheduler.every({
    name: 'serving.watch-llm-backends',
    intervalMs: WATCH_BACKENDS_MS,
    work: () => watchBackends(fleet, localModels),
  })
  deps.scheduler.every({
    name: 'serving.follow-endpoints',
    intervalMs: RELOAD_EVERY_MS,
    work: async () => {
      await Promise.all([control.reload(), limitBook.reload()])
      fleet.retryFailed(RETRY_FAILED_MS)
    },
  })

  return {
    name: 'serving',
    completed,
    routes(app) {
      addServingRoutes(app, {
        fleet,
        control,
        mayChangeTraffic: deps.mayChangeTraffic ?? (() => true),
      })
      addLimitRoutes(app, limitBook)
      payloads.routes(app, config.maxBodyBytes)
      addProtocols(app, {
        dataPlane,
        fleet,
        control,
        gateway,
        clock,
        maxBodyBytes: config.maxBodyBytes,
        maxBatchRows: config.maxBatchRows,
        maxQueued: config.maxQueued,
        timeoutMs: config.timeoutMs,
        hosted: config.hosted,
        version: deps.version,
      })
    },
    grpc: (address) =>
      createOipGrpc(
        {
          dataPlane,
          fleet,
          control,
          gateway,
          clock,
          log,
          maxBodyBytes: config.maxBodyBytes,
          maxBatchRows: config.maxBatchRows,
          version: deps.version,
        },
        address
      ),
    getEndpoint: async (project, name) => {
      const endpoint = fleet.find(project, name)
      return endpoint === undefined ? null : toRecord(endpoint)
    },
    listEndpoints: async (project) => fleet.list(project).map(toRecord),
    addVariant: (project, name, request) => control.addVariant({ project, name }, request),
    predictJson: (request) => predictJson(dataPlane, request),
    openScorer: (project, target) =>
      openScorer(
        { fleet, loader: tableLoader, clock, tell: (event) => completed.publish(event) },
        { project, target }
      ),
    async checkTarget(project, target) {
      const { source } = scoreSettings(fleet, project, target)
      if (source.kind === 'registered') await deps.models.resolve(project, source.reference)
    },
    measuredBatches: (project) => measuredBatches(fleet, project, config.maxBatchRows),
    removeVariant: (project, name, variant) => control.removeVariant({ project, name }, variant),
    async setTraffic(...[project, name, traffic, by]) {
      await control.setTraffic({ project, name }, traffic)
      log.info({ endpoint: name, traffic, by }, 'traffic set')
    },
    checkReady: async () => {
      const pending = fleet.pending()
      if (pending.length > 0)
        throw fail('serving.not_ready', `Loading ${pending.join(', ')}`, { details: { pending } })
    },
    async start() {
      await Promise.all([control.reload(), limitBook.reload()])
    },
    async stop(signal) {
      await dataPlane.flush()
      await payloads.stop(signal)
      await Promise.race([gateway.flush(), aborted(signal)])
      localModels.stop()
      await Promise.all([upstream.close(), tokens.close()])
      await Promise.race([fleet.close(), aborted(signal)])
    },
  }
}

function* queueDepths(
  fleet: Fleet
): Generator<{ endpoint: string; variant: string; queued: number }> {
  for (const { stored, variants } of fleet.all())
    for (const { name, served } of variants.values())
      if (served !== null)
        yield { endpoint: stored.name, variant: name, queued: served.batcher.queued }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

export {
  INPUT_METERS,
  inputTokens,
  OUTPUT_METERS,
  type Meter,
  type Usage,
} from './llm/token-usage.ts'
