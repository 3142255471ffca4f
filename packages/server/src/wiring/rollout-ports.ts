import { AppError } from '../kernel/errors.ts'
import type { Registry } from '../modules/registry/index.ts'
import type { Monitoring } from '../modules/monitoring/index.ts'
import type {
  ChampionPort,
  EndpointPort,
  NoticePort,
  PredictionPort,
} from '../modules/rollouts/index.ts'
import type { Serving } from '../modules/serving/index.ts'

/** Rollouts act on serving's endpoints. */
export const endpointsFrom = (serving: Serving): EndpointPort => ({
  // An evicted variant answers, only later; one that was unloaded by hand doesn't.
  get: async (project, name) => {
    const endpoint = await serving.getEndpoint(project, name)
    if (endpoint === null) return null
    const variants = endpoint.variants.map((variant) => ({
      ...variant,
      state: ROLLOUT_STATE[variant.state],
    }))
    return { ...endpoint, variants }
  },
  addVariant: async (project, endpoint, request) =>
    void (await serving.addVariant(project, endpoint, request)),
  removeVariant: (project, endpoint, variant) => serving.removeVariant(project, endpoint, variant),
  setTraffic: ({ project, endpoint, traffic, by }) =>
    serving.setTraffic(project, endpoint, traffic, by),
})

/** News of rollouts goes to the receivers of alerts. */
export const noticesFrom = (monitoring: Monitoring): NoticePort => ({
  notify: ({ endpoint, rolloutId, phase, actor, ...said }) =>
    monitoring.notify({
      ...said,
      kind: 'rollout',
      subject: endpoint,
      link: `/rollouts/${rolloutId}`,
      details: { rollout: rolloutId, endpoint, phase, actor },
    }),
})

const ROLLOUT_STATE = {
  loading: 'loading',
  ready: 'ready',
  evicted: 'ready',
  failed: 'failed',
  unloaded: 'failed',
} as const

/** A business metric is of the variant that gave the prediction. */
export const predictionsFrom = (monitoring: Monitoring): PredictionPort => ({
  find: (project, ids) => monitoring.findPredictions(project, ids),
})

/** A promotion moves the registry's aliases and stages. */
export const championsFrom = (registry: Registry): ChampionPort => ({
  resolve: async (project, reference) => {
    const { name, version, stage, status } = await registry.resolve(project, reference)
    return { name, version, stage, isReady: status === 'READY' }
  },
  aliasVersion: async ({ project, name, alias }) => {
    try {
      return (await registry.resolve(project, `${name}@${alias}`)).version
    } catch (error) {
      // Only "there is none": a return to the old version would otherwise remove an alias that could not be read for a moment.
      if (error instanceof AppError && error.code === 'registry.version_not_found') return null
      throw error
    }
  },
  setAlias: (move) => registry.setAlias(move),
  versionsIn: ({ project, name, stage }) => registry.versionsIn(project, name, stage),
  setStage: (move) => registry.transitionStage({ ...move, archiveOthers: false }),
})
