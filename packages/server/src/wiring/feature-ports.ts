import type { Features } from '../modules/features/index.ts'
import type { Monitoring } from '../modules/monitoring/index.ts'
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

const TOLD_EVERY_MS = 3_600_000

/** Receivers are told when served features differ from the history: of each view version once an hour, while it goes on. */
export function tellOfInconsistency(
  features: Pick<Features, 'inconsistent'>,
  monitoring: Pick<Monitoring, 'notify'>,
  onError: (error: unknown, topic: string) => void
): void {
  const told = new Map<string, number>()
  features.inconsistent.subscribe(({ project, counts }) => {
    const { view, version, values, asKnown, causes, checkedAt } = counts
    const id = JSON.stringify([project, view, version])
    if (checkedAt - (told.get(id) ?? -Infinity) < TOLD_EVERY_MS) return
    told.set(id, checkedAt)
    const differing = values - asKnown
    monitoring
      .notify({
        project,
        kind: 'feature-consistency',
        severity: 'warning',
        subject: view,
        title: `${view}: ${differing} of ${values} served values are not what training sees`,
        text: `Of version ${version}, checked against the history as it was known at each read. See the examples on the page of the view.`,
        link: `/features/${view}`,
        details: { version, values, differing, ...causes },
        at: checkedAt,
      })
      .catch((error: unknown) => onError(error, 'features.inconsistent'))
  })
}
