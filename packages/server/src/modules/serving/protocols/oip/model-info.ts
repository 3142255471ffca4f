import { fail } from '../../../../platform/errors.ts'
import type { Fleet, LiveEndpoint, LiveVariant } from '../../fleet.ts'
import type { TensorSpec } from '../../runtime.ts'
import type { ServedModel } from '../../served-model.ts'

/** The endpoint behind a model name of the protocol. Throws `serving.endpoint_not_found`. */
export function findModel(fleet: Fleet, project: string, name: string): LiveEndpoint {
  const endpoint = fleet.find(project, name)
  if (endpoint === undefined)
    throw fail('serving.endpoint_not_found', `Request for unknown model: '${name}' is not found`)
  return endpoint
}

/** The variant behind a version of the protocol: a model version or a variant's name; without one, the variant with most traffic. */
export function findVersion(
  { stored, variants }: LiveEndpoint,
  version: string | null
): LiveVariant {
  const largest = stored.traffic.weights.toSorted((a, b) => b.basisPoints - a.basisPoints)[0]
  const variant =
    version === null
      ? variants.get(largest?.variant ?? '')
      : (variants.get(version) ??
        [...variants.values()].find(({ model }) => String(model.version) === version))
  if (variant === undefined)
    throw fail(
      'serving.variant_not_found',
      `Request for unknown model: '${stored.name}' version ${version ?? ''} is not found`
    )
  return variant
}

/** The model behind a version, brought back first when it was evicted. Throws `serving.not_ready`. */
export async function findServed(
  fleet: Fleet,
  endpoint: LiveEndpoint,
  version: string | null
): Promise<ServedModel> {
  const variant = findVersion(endpoint, version)
  await fleet.wake(endpoint, variant)
  return requireServed(variant)
}

/** Whether requests are answered; an LLM's are, by another protocol. */
export const isVersionReady = ({ state }: LiveVariant): boolean =>
  state === 'ready' || state === 'evicted'

function requireServed(variant: LiveVariant): ServedModel {
  if (variant.served !== null) return variant.served
  throw fail(
    'serving.not_ready',
    `Model version is ${variant.state}: ${variant.error ?? 'try again soon'}`
  )
}

export function modelMetadata(endpoint: LiveEndpoint, { spec }: ServedModel) {
  const wire = ({ name, datatype, shape }: TensorSpec) => ({ name, datatype, shape })
  return {
    name: endpoint.stored.name,
    versions: [
      ...new Set([...endpoint.variants.values()].map(({ model }) => String(model.version))),
    ],
    platform: spec.platform,
    inputs: spec.inputs.map(wire),
    outputs: spec.outputs.map(wire),
  }
}

/** Triton's model configuration, as far as it says something about us: perf_analyzer reads the batch size from it. */
export function modelConfiguration(
  endpoint: LiveEndpoint,
  { spec, isBatchable }: ServedModel,
  maxBatchRows: number
) {
  const wire = ({ name, datatype, shape }: TensorSpec) => ({
    name,
    data_type: `TYPE_${datatype === 'BYTES' ? 'STRING' : datatype}`,
    dims: isBatchable ? shape.slice(1) : shape,
  })
  return {
    name: endpoint.stored.name,
    platform: spec.platform,
    backend: 'onnxruntime',
    max_batch_size: isBatchable ? maxBatchRows : 0,
    input: spec.inputs.map(wire),
    output: spec.outputs.map(wire),
    ...(isBatchable
      ? { dynamic_batching: { max_queue_delay_microseconds: 0, preferred_batch_size: [] } }
      : {}),
    model_transaction_policy: { decoupled: false },
  }
}

/** Triton's statistics of a variant: `inference_count` counts rows, `execution_count` runs; times are sums in nanoseconds. */
export function modelStatistics(endpoint: LiveEndpoint, variant: LiveVariant) {
  const { counts } = variant.meter
  const failed = counts.error + counts.timeout + counts.rejected
  const duration = (count: number, ms: number) => ({ count, ns: Math.round(ms * 1e6) })
  return {
    name: endpoint.stored.name,
    version: String(variant.model.version),
    last_inference: counts.lastAt,
    inference_count: counts.rows,
    execution_count: counts.batches,
    inference_stats: {
      success: duration(counts.ok, counts.latencyMs),
      fail: duration(failed, 0),
      queue: duration(counts.ok, counts.queueMs),
      compute_input: duration(counts.ok, 0),
      compute_infer: duration(counts.ok, counts.computeMs),
      compute_output: duration(counts.ok, 0),
      cache_hit: duration(0, 0),
      cache_miss: duration(0, 0),
    },
    batch_stats: [],
  }
}

/** An evicted model answers, only later, so that clients may go on. */
const INDEX_STATE = {
  ready: 'READY',
  evicted: 'READY',
  loading: 'LOADING',
  failed: 'UNAVAILABLE',
  unloaded: 'UNAVAILABLE',
} as const

/** Triton's repository index: every variant of every endpoint, or only what answers now. */
export const repositoryIndex = (endpoints: readonly LiveEndpoint[], isReadyOnly: boolean) =>
  endpoints.flatMap(({ stored, variants }) =>
    [...variants.values()]
      .filter((v) => !isReadyOnly || isVersionReady(v))
      .map((variant) => ({
        name: stored.name,
        version: String(variant.model.version),
        state: INDEX_STATE[variant.state],
        reason: variant.error ?? (variant.state === 'unloaded' ? 'unloaded' : ''),
      }))
  )
