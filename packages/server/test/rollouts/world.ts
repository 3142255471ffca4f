import { createDdSketch, createRng, type DdSketch, type Rng } from '@trestle/stats'
import { createManualClock } from '../../src/kernel/clock.ts'
import type {
  ArmFacts,
  ChampionPort,
  Notice,
  EndpointFacts,
  EndpointPort,
  EvidencePort,
  RegistryStage,
  VariantFacts,
} from '../../src/modules/rollouts/index.ts'
import type { InferenceCompleted, Traffic } from '../../src/modules/serving/index.ts'
import { createTopic, type Topic } from '../../src/platform/events/topic.ts'

/** How a variant behaves, request by request. */
export type Behaviour = {
  errorRate: number
  latencyMs: number
  loads: boolean
  /** Share of its answers that turn out wrong once they are labelled; without one there are no labels. */
  wrongRate?: number
}

/**
 * A small world for rollouts to act on: an endpoint whose requests follow its traffic table, and evidence counted from those requests.
 * All chance comes from the seed. The calls of the controller are kept, so that tests can say what it did.
 */
export interface World {
  readonly clock: ReturnType<typeof createManualClock>
  readonly completed: Topic<InferenceCompleted>
  readonly ports: { endpoints: EndpointPort; evidence: EvidencePort; champion: ChampionPort }
  readonly behaviour: Record<string, Behaviour>
  readonly aliases: Map<string, number>
  /** The stages of versions; None for those that are not named. */
  readonly stages: Map<number, RegistryStage>
  /** What a query of the metric server answers; a thrown error is a server that is away. */
  query: (query: string) => number | null
  /** What a copy costs, in dollars; null: it has no price. */
  usdPerCopy: number | null
  readonly notices: Notice[]
  /** Every effect in order, as `traffic v2=100,v1=9900`, `add v2`, `remove v2`, `alias champion=2`. */
  readonly effects: string[]
  /** Effects of a process that did not hold the endpoint's lease. */
  readonly intrusions: string[]
  endpoint(): EndpointFacts
  candidateWeight(): number
  /** Sends requests through the endpoint over `ms` of clock time. */
  send(requests: number, ms: number): void
  setVariant(name: string, change: Partial<VariantFacts>): void
  removeEndpoint(): void
  isEvidenceAway: boolean
  /** Throws out of the nth effect from now: before it happens or just after. */
  crash: { inEffects: number; when: 'before' | 'after' } | null
}

type Event = {
  at: number
  variant: string
  role: 'live' | 'shadow'
  failed: boolean
  ms: number
  wrong?: boolean | undefined
}

export class Crash extends Error {}

export function createWorld(
  options: { seed?: number; baselines?: Traffic['weights'] } = {}
): World {
  const rng: Rng = createRng(options.seed ?? 1)
  const clock = createManualClock(1_800_000_000_000)
  const completed = createTopic<InferenceCompleted>('inference.completed', (error) => {
    throw error instanceof Error ? error : new Error(String(error))
  })
  const weights = options.baselines ?? [{ variant: 'v1', basisPoints: 10_000 }]
  let variants: VariantFacts[] = weights.map((w, i) => ({
    name: w.variant,
    model: { name: 'fraud', version: i + 1 },
    state: 'ready',
    error: null,
  }))
  let traffic: Traffic = { salt: 'start', weights, shadows: [] }
  let isThere = true
  const events: Event[] = []
  const effects: string[] = []
  const stages = new Map<number, RegistryStage>([[1, 'Production']])
  const aliases = new Map<string, number>([['champion', 1]])
  const behaviour: Record<string, Behaviour> = {}
  const behaviourOf = (variant: string): Behaviour =>
    behaviour[variant] ?? { errorRate: 0.005, latencyMs: 20, loads: true }

  const effect = (name: string, happen: () => void): void => {
    const crash = world.crash
    const isLast = crash !== null && --crash.inEffects === 0
    if (isLast && crash.when === 'before') {
      world.crash = null
      throw new Crash(`before ${name}`)
    }
    effects.push(name)
    happen()
    if (isLast) {
      world.crash = null
      throw new Crash(`after ${name}`)
    }
  }

  const endpoints: EndpointPort = {
    get: async (_project, name) =>
      isThere && name === 'fraud' ? { id: 'ep_1', name: 'fraud', variants, traffic } : null,
    addVariant: async (_project, _endpoint, { variant, model }) =>
      effect(`add ${variant}`, () => {
        if (variants.some((v) => v.name === variant)) return
        if (!behaviourOf(variant).loads) throw new Error('the model file is broken')
        const version = Number(model.split('/')[1])
        const added = { name: variant, model: { name: 'fraud', version }, error: null }
        variants = [...variants, { ...added, state: 'ready' }]
      }),
    removeVariant: async (_project, _endpoint, variant) => {
      if (
        traffic.weights.some((w) => w.variant === variant) ||
        traffic.shadows.some((s) => s.variant === variant)
      )
        throw new Error(`${variant} has traffic`)
      effect(`remove ${variant}`, () => {
        variants = variants.filter((v) => v.name !== variant)
      })
    },
    setTraffic: async (target) => {
      const total = target.traffic.weights.reduce((sum, w) => sum + w.basisPoints, 0)
      if (total !== 10_000) throw new Error(`weights sum to ${total}`)
      for (const w of target.traffic.weights)
        if (!variants.some((v) => v.name === w.variant)) throw new Error(`no variant ${w.variant}`)
      effect(`traffic ${describe(target.traffic)}`, () => {
        traffic = target.traffic
      })
    },
  }

  const sketchOf = (values: readonly number[]): ArmFacts['latencyMs'] => {
    if (values.length === 0) return null
    const sketch: DdSketch = createDdSketch()
    sketch.updateMany(values)
    return {
      count: values.length,
      quantile: (q) => sketch.quantile(q),
      shareBelow: (x) => values.filter((v) => v <= x).length / values.length,
    }
  }
  const labelledOf = (mine: readonly Event[]): ArmFacts['labelled'] => {
    const judged = mine.filter((e) => e.wrong !== undefined)
    const n = judged.length
    if (n === 0) return null
    const meanLoss = judged.filter((e) => e.wrong === true).length / n
    return { n, meanLoss, varLoss: meanLoss * (1 - meanLoss), metric: 'error' }
  }
  const away = (): void => {
    if (world.isEvidenceAway) throw new Error('the metric store does not answer')
  }
  const evidence: EvidencePort = {
    arm: async ({ variant, role, from }) => {
      away()
      const mine = events.filter((e) => e.variant === variant && e.role === role && e.at >= from)
      return {
        requests: mine.length,
        forced: 0,
        errors: mine.filter((e) => e.failed).length,
        timeouts: 0,
        rejected: 0,
        nanOutputs: 0,
        schemas: mine.length === 0 ? {} : { 'score: float': mine.length },
        latencyMs: sketchOf(mine.map((e) => e.ms)),
        featureAgeMs: null,
        score: sketchOf(mine.map((e) => e.ms / 1_000)),
        labelled: labelledOf(mine),
      }
    },
    comparison: async () => {
      away()
      return { pairs: 0, agreeing: 0, difference: null, ranks: null, labelled: null }
    },
    drift: async () => {
      away()
      return { state: 'unknown', summary: 'no monitor' }
    },
    consistency: async () => {
      away()
      return { service: null, values: 0, asKnown: 0 }
    },
    costOf: async ({ variant, from }) => {
      away()
      const predictions = events.filter((e) => e.variant === variant && e.at >= from).length
      return {
        predictions,
        usdPer1000: world.usdPerCopy === null ? null : world.usdPerCopy * 1_000,
      }
    },
  }
  const champion: ChampionPort = {
    resolve: async (_project, reference) => ({
      name: 'fraud',
      version: Number(reference.split('/')[1] ?? 1),
      stage: stages.get(Number(reference.split('/')[1] ?? 1)) ?? 'None',
      isReady: true,
    }),
    versionsIn: async ({ stage }) =>
      [...stages].flatMap(([version, its]) => (its === stage ? [version] : [])),
    setStage: async ({ version, stage }) =>
      effect(`stage ${version}=${stage}`, () => void stages.set(version, stage)),
    aliasVersion: async ({ alias }) => aliases.get(alias) ?? null,
    setAlias: async ({ alias, version }) =>
      effect(`alias ${alias}=${version}`, () => {
        if (version === null) aliases.delete(alias)
        else aliases.set(alias, version)
      }),
  }

  const finish = (variant: string, role: 'live' | 'shadow'): void => {
    const { errorRate, latencyMs, wrongRate } = behaviourOf(variant)
    const failed = rng() < errorRate
    const ms = latencyMs * Math.exp(0.3 * (rng() + rng() + rng() - 1.5))
    const wrong = wrongRate === undefined ? undefined : rng() < wrongRate
    events.push({ at: clock.now(), variant, role, failed, ms, wrong })
    completed.publish(eventOf({ at: clock.now(), variant, role, failed, ms }))
  }

  const world: World = {
    clock,
    completed,
    ports: { endpoints, evidence, champion },
    behaviour,
    aliases,
    stages,
    query: () => null,
    usdPerCopy: null,
    notices: [],
    effects,
    intrusions: [],
    isEvidenceAway: false,
    crash: null,
    endpoint: () => ({ id: 'ep_1', name: 'fraud', variants, traffic }),
    candidateWeight: () => traffic.weights.find((w) => w.variant === 'v2')?.basisPoints ?? 0,
    send(requests, ms) {
      for (let i = 0; i < requests; i++) {
        clock.advance(ms / requests)
        let bucket = Math.floor(rng() * 10_000)
        for (const { variant, basisPoints } of traffic.weights) {
          bucket -= basisPoints
          if (bucket >= 0) continue
          finish(variant, 'live')
          break
        }
        for (const { variant, share } of traffic.shadows)
          if (rng() < share) finish(variant, 'shadow')
      }
    },
    setVariant(name, change) {
      variants = variants.map((v) => (v.name === name ? { ...v, ...change } : v))
    },
    removeEndpoint() {
      isThere = false
    },
  }
  return world
}

const describe = (traffic: Traffic): string =>
  [
    ...traffic.weights.map((w) => `${w.variant}=${w.basisPoints}`),
    ...traffic.shadows.map((s) => `${s.variant}~${s.share}`),
  ].join(',')

let predictions = 0
export function eventOf(facts: Event): InferenceCompleted {
  return {
    predictionId: `p${predictions++}`,
    requestId: 'r',
    project: 'default',
    endpoint: 'fraud',
    endpointId: 'ep_1',
    variant: facts.variant,
    model: { name: 'fraud', version: 1 },
    role: facts.role,
    pairedWith: null,
    at: facts.at,
    latencyMs: facts.ms,
    stages: { featuresMs: 0, queueMs: 0, computeMs: facts.ms },
    busyMs: facts.ms,
    device: 'cpu',
    status: facts.failed ? 'error' : 'ok',
    errorCode: facts.failed ? 'serving.model_failed' : null,
    stickyKey: null,
    apiKeyId: null,
    entities: {},
    rows: 1,
    inputs: [],
    outputs: [],
    oldestFeatureAt: null,
  }
}
