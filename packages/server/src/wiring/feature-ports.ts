import type { Features } from '../modules/features/index.ts'
import type { ConsistencyFacts } from '../modules/rollouts/index.ts'
import type { Serving } from '../modules/serving/index.ts'

/** A rollout's gate asks how the features of an endpoint's service were served. */
export const consistencyFrom =
  (serving: Pick<Serving, 'getEndpoint'>, features: Pick<Features, 'consistency'>) =>
  async (query: { project: string; endpoint: string; from: number }): Promise<ConsistencyFacts> => {
    const { project, endpoint, from } = query
    const service = (await serving.getEndpoint(project, endpoint))?.featureService ?? null
    if (service === null) return { service, values: 0, asKnown: 0 }
    const counts = await features.consistency({ project, service, since: from })
    return {
      service,
      values: counts.reduce((sum, c) => sum + c.values, 0),
      asKnown: counts.reduce((sum, c) => sum + c.asKnown, 0),
    }
  }
