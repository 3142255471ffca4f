import { stat } from 'node:fs/promises'
import type { Batching } from '@trestle/contract'
import { fail } from '../../platform/errors.ts'
import { createBatcher, type Batcher, type BatchLimits } from './batcher.ts'
import { canBatch } from './batch-proof.ts'
import { createConcurrentQueue } from './concurrent-queue.ts'
import type { FeatureReader, FeatureServiceSchema } from './feature-reader.ts'
import type { NumberTable } from './inference-event.ts'
import { tableColumns } from './logged-columns.ts'
import type { ModelRoom } from './model-room.ts'
import type { ModelSource, ServableVersion } from './model-source.ts'
import { planInputs, type InputPlan } from './named-inputs.ts'
import type { OutsideSource } from './outside-source.ts'
import type { LoadedModel, ModelSpec, Runtime } from './runtime.ts'
import { openGraph, type GraphPort } from './runtimes/graph/index.ts'
import type { PythonModels } from './runtimes/python/index.ts'
import type { RemoteModels } from './runtimes/remote/index.ts'
import type { Scripts } from './runtimes/script/index.ts'

/** A model version in memory with its queue. Who uses it holds a lease, so that it is freed only after its last use. */
export interface ServedModel {
  readonly model: Readonly<{ name: string; version: number }>
  readonly spec: ModelSpec
  readonly inputs: InputPlan
  /** How its inputs are logged when they are a table of numbers; null when they are none. */
  readonly table: NumberTable['columns'] | null
  readonly outputNames: readonly string[] | null
  readonly device: LoadedModel['device']
  readonly isInline: boolean
  readonly isBatchable: boolean
  readonly batcher: Batcher
  readonly service: FeatureServiceSchema | null
  /** The service that fills its inputs, in the version that it was trained on. */
  readonly featureService: string | null
  /** Memory that it holds here, by the size of its file; 0 when it is elsewhere. */
  readonly bytes: number
  readonly loadMs: number
  /** Call the result once, when done. */
  lease(): () => void
  /** Frees the memory once nobody holds a lease. */
  retire(): Promise<void>
}

/** What is brought to life: a registered version, or something else under the identity that the endpoint gave it. */
export type LoadSource = Readonly<
  | { kind: 'registered'; reference: string }
  | { kind: 'outside'; outside: OutsideSource; model: ServedModel['model'] }
>

export type LoadSettings = Readonly<{
  project: string
  source: LoadSource
  columns: readonly string[] | null
  featureService: string | null
  onBatch?: (rows: number, ms: number) => void
  batching?: Batching | null
}>

/** Brings model versions into memory. */
export interface ModelLoader {
  /** Resolves when the model is loaded and warm. Throws what the source throws, or `serving.model_load_failed`. */
  load(settings: LoadSettings): Promise<ServedModel>
}

/** A script has one thread: more calls at once wait there instead of here. */
const SCRIPT_CALLS = 16
/** The endpoints of a graph have limits of their own. */
const GRAPH_CALLS = 1_024

export function createModelLoader(deps: {
  source: ModelSource
  features: FeatureReader | null
  runtime: Runtime
  remotes: RemoteModels
  scripts: Scripts
  python: PythonModels
  graphs: GraphPort
  room: ModelRoom
  limits: BatchLimits
}): ModelLoader {
  const open = async ({ project, source }: LoadSettings): Promise<Opened> => {
    switch (source.kind) {
      case 'registered': {
        const version = await deps.source.resolve(project, source.reference)
        return { ...(await openVersion(deps, version)), version, maxRunning: null }
      }
      case 'outside': {
        const { model, maxRunning, columns = null } = await openOutside(project, source.outside)
        const signature =
          columns === null
            ? null
            : { inputs: columns.map((name) => ({ name, type: '' })), outputs: [] }
        return { model, version: { ...source.model, signature }, maxRunning, bytes: 0 }
      }
    }
  }
  const openOutside = async (
    project: string,
    source: OutsideSource
  ): Promise<{ model: LoadedModel; maxRunning: number; columns?: readonly string[] | null }> => {
    switch (source.kind) {
      case 'remote':
        return {
          model: await deps.remotes.open(source.remote),
          maxRunning: source.remote.maxConcurrent,
        }
      case 'script':
        return { model: await deps.scripts.open(source.script), maxRunning: SCRIPT_CALLS }
      case 'graph':
        return {
          ...(await openGraph(deps.graphs, project, source.graph)),
          maxRunning: GRAPH_CALLS,
        }
    }
  }
  return {
    async load(settings) {
      const begun = performance.now()
      const { model, version, maxRunning, bytes } = await open(settings)
      const featureService = pinnedService(settings.featureService, version.featureService ?? null)
      const service = await readService(deps.features, { ...settings, featureService }).catch(
        async (error: unknown) => {
          await model.close()
          throw error
        }
      )
      const isBatchable = maxRunning === null && (await canBatch(model))
      const limits = {
        maxBatchRows: settings.batching?.maxRows ?? deps.limits.maxBatchRows,
        maxQueued: settings.batching?.maxQueued ?? deps.limits.maxQueued,
      }
      const onBatch = settings.onBatch === undefined ? {} : { onBatch: settings.onBatch }
      const batcher =
        maxRunning === null
          ? createBatcher({ model, isBatchable, ...onBatch }, limits)
          : createConcurrentQueue(
              { model, ...onBatch },
              { maxRunning, maxQueued: limits.maxQueued }
            )
      const inputs = choosePlan(model.spec, [
        version.signature?.inputs.map((column) => column.name) ?? null,
        settings.columns,
        service?.features.map((feature) => feature.name) ?? null,
      ])
      return {
        model: { name: version.name, version: version.version },
        spec: model.spec,
        inputs,
        table: tableColumns(inputs),
        outputNames: outputNames(version),
        device: model.device,
        isInline: model.isInline,
        isBatchable,
        batcher,
        service,
        featureService,
        bytes,
        loadMs: performance.now() - begun,
        ...createLeases(async () => {
          await batcher.drain()
          await model.close()
        }),
      }
    },
  }
}

/** An endpoint names a service; a model that was trained on a version of that service gets exactly that one. */
function pinnedService(endpoints: string | null, trainedOn: string | null): string | null {
  return endpoints !== null && trainedOn?.split('@')[0] === endpoints ? trainedOn : endpoints
}

type Opened = Readonly<{
  model: LoadedModel
  version: Pick<ServableVersion, 'name' | 'version' | 'signature' | 'featureService'>
  /** Runs at once of a model that makes its own batches; null for one whose runs we put together. */
  maxRunning: number | null
  bytes: number
}>

async function openVersion(
  { runtime, room, python }: { runtime: Runtime; room: ModelRoom; python: PythonModels },
  { name, version, onnxPath, onnxBytes, pyfuncFolder = null }: ServableVersion
): Promise<Pick<Opened, 'model' | 'bytes'>> {
  if (onnxPath === null && pyfuncFolder !== null)
    return { model: await python.open(pyfuncFolder), bytes: 0 }
  if (onnxPath === null)
    throw fail(
      'serving.model_load_failed',
      `Model version ${name}/${version} has no ONNX file and is no MLflow model`,
      { details: { model: name, version } }
    )
  const bytes =
    onnxBytes ??
    (await stat(onnxPath).then(
      ({ size }) => size,
      () => 0
    ))
  const giveBack = await room.take(bytes)
  try {
    const model = await runtime.load({ path: onnxPath, bytes })
    const close = async (): Promise<void> => {
      try {
        await model.close()
      } finally {
        giveBack()
      }
    }
    return { model: { ...model, close }, bytes }
  } catch (error) {
    giveBack()
    throw error
  }
}

async function readService(
  features: FeatureReader | null,
  { project, featureService }: LoadSettings
): Promise<FeatureServiceSchema | null> {
  if (featureService === null) return null
  if (features === null)
    throw fail('features.service_not_found', `No feature service "${featureService}"`)
  return features.serviceSchema(project, featureService)
}

/** The first list of column names that the model's input can be stacked from. */
function choosePlan(spec: ModelSpec, candidates: readonly (readonly string[] | null)[]): InputPlan {
  for (const columns of candidates) {
    const plan = planInputs(spec, columns)
    if (plan.stacked !== null) return plan
  }
  return planInputs(spec, null)
}

function outputNames(version: Pick<ServableVersion, 'signature'>): readonly string[] | null {
  const names = version.signature?.outputs.map((column) => column.name) ?? []
  return names.length > 0 && names.every((name) => name !== '') ? names : null
}

function createLeases(free: () => Promise<void>): Pick<ServedModel, 'lease' | 'retire'> {
  let held = 0
  let isRetired = false
  let onFree: (() => void) | null = null
  let freeing: Promise<void> | null = null
  return {
    lease() {
      held++
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        held--
        if (isRetired && held === 0) onFree?.()
      }
    },
    retire() {
      isRetired = true
      freeing ??= (
        held === 0 ? Promise.resolve() : new Promise<void>((resolve) => (onFree = resolve))
      ).then(free)
      return freeing
    },
  }
}
