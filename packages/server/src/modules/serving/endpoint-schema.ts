import type { EndpointSchema } from '@trestle/contract'
import { fail } from '../../platform/errors.ts'
import type { Fleet, LiveEndpoint, LiveVariant } from './fleet.ts'
import type { TensorSpec } from './runtime.ts'
import type { ServedModel } from './served-model.ts'

/** What a prediction at an endpoint takes and gives, by one variant or by the one with most traffic. */
export async function describeEndpoint(
  fleet: Fleet,
  endpoint: LiveEndpoint,
  variantName: string | null
): Promise<EndpointSchema> {
  const variant = pick(endpoint, variantName)
  await fleet.wake(endpoint, variant)
  const { served } = variant
  if (served === null)
    throw fail('serving.not_ready', `Variant "${variant.name}" is ${variant.state}`)
  const { spec, inputs, service } = served
  const entities = service?.entities.map(({ key }) => key) ?? []
  return {
    endpoint: endpoint.stored.name,
    variant: variant.name,
    model: variant.model,
    platform: spec.platform,
    inputs: spec.inputs.map(toWire),
    outputs: spec.outputs.map(toWire),
    columns: [...inputs.names],
    entities,
    isBatched: served.isBatchable,
    isInline: served.isInline,
    example: exampleOf(served, entities),
  }
}

function pick({ stored, variants, plan }: LiveEndpoint, name: string | null): LiveVariant {
  const largest = stored.traffic.weights.toSorted((a, b) => b.basisPoints - a.basisPoints)[0]
  const chosen = name ?? largest?.variant ?? plan.ranges[0]?.variant ?? ''
  const variant = variants.get(chosen)
  if (variant === undefined)
    throw fail('serving.variant_not_found', `Endpoint "${stored.name}" has no variant "${chosen}"`)
  return variant
}

function exampleOf({ inputs }: ServedModel, entities: readonly string[]): Record<string, unknown> {
  if (entities.length > 0) return Object.fromEntries(entities.map((key) => [key, '…']))
  if (inputs.stacked !== null) return Object.fromEntries(inputs.stacked.map((name) => [name, 0.5]))
  return Object.fromEntries(inputs.inputs.map((input) => [input.name, exampleValue(input)]))
}

/** One row of an input: a bare value, or nested lists for its further axes. */
function exampleValue({ datatype, shape }: TensorSpec): unknown {
  const value =
    datatype === 'BYTES' ? 'text' : datatype === 'BOOL' ? true : datatype.startsWith('FP') ? 0.5 : 1
  const inner = shape.slice(1).map((dim) => (dim === -1 ? 1 : Math.min(dim, 1_000)))
  if (inner.every((dim) => dim === 1)) return value
  return inner.reduceRight<unknown>((item, dim) => Array.from({ length: dim }, () => item), value)
}

const toWire = ({ name, datatype, shape }: TensorSpec): EndpointSchema['inputs'][number] => ({
  name,
  datatype,
  shape: [...shape],
})
