import { fail } from '../../platform/errors.ts'
import type { DataPlane } from './data-plane.ts'
import type { Fleet } from './fleet.ts'
import type { Described, GraphPort } from './runtimes/graph/index.ts'

const WAIT_STEPS = 100
const STEP_MS = 100

/**
 * What the endpoint of a graph takes and gives, by its variant with most traffic. Waits a while for one that is still loading: after a restart all
 * endpoints load at once. Throws `serving.endpoint_not_found` and `serving.not_ready`.
 */
export async function describeForGraph(
  fleet: Fleet,
  project: string,
  name: string
): Promise<Described> {
  for (let i = 0; ; i++) {
    const endpoint = fleet.find(project, name)
    if (endpoint === undefined)
      throw fail('serving.endpoint_not_found', `The graph needs an endpoint "${name}"`)
    const [largest] = endpoint.stored.traffic.weights.toSorted(
      (a, b) => b.basisPoints - a.basisPoints
    )
    const variant = endpoint.variants.get(largest?.variant ?? '')
    if (variant !== undefined) await fleet.wake(endpoint, variant)
    if (variant?.served != null) {
      const { spec, inputs } = variant.served
      return { spec, columns: inputs.stacked }
    }
    if (variant?.state !== 'loading' || i === WAIT_STEPS)
      throw fail(
        'serving.not_ready',
        `The graph needs "${name}", which is ${variant?.state ?? 'without variants'}`
      )
    await new Promise((resolve) => setTimeout(resolve, STEP_MS))
  }
}

/** One step of a graph: a prediction by the traffic of its endpoint, under the caller's request id. */
export async function inferForGraph(
  dataPlane: DataPlane,
  { project, endpoint, tensors, deadline, caller }: Parameters<GraphPort['infer']>[0]
) {
  const { outputs } = await dataPlane.infer({
    project,
    endpoint,
    requestId: caller.requestId,
    apiKeyId: null,
    header: caller.header,
    variant: null,
    timeoutMs: Math.max(1, deadline - performance.now()),
    isGone: () => false,
    payload: { kind: 'tensors', tensors },
  })
  return outputs
}
