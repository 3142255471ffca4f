import type { NewRollout } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import { fail } from '../../platform/errors.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import { createBreaker } from './breaker.ts'
import { createBusiness } from './business/business.ts'
import { createBusinessStore } from './business/store.ts'
import { createController } from './controller.ts'
import { draftRollout } from './create.ts'
import { createDeclared } from './declared.ts'
import { createFreezeStore } from './freezes/store.ts'
import { freezeAt, sayFreeze } from './freezes/window.ts'
import { weightsOf } from './goal.ts'
import { createLeases } from './lease.ts'
import { createLooker } from './looker.ts'
import type {
  ChampionPort,
  EndpointPort,
  EvidencePort,
  NoticePort,
  PredictionPort,
  QueryPort,
} from './ports.ts'
import { sendNotices } from './notices.ts'
import { createDeferMove } from './policies/policies.ts'
import { createPolicyStore } from './policies/store.ts'
import { createReconciler } from './reconciler.ts'
import { CONTROLLER, createRecorder, nameOf, type RolloutChanged } from './recorder.ts'
import { goalInputOf, type RolloutRecord, type TransitionRecord } from './record.ts'
import type { Rollouts } from './rollouts.ts'
import { addRolloutRoutes } from './routes.ts'
import { createShadowBudgets } from './shadow-budget.ts'
import { hasEnded } from './state.ts'
import { createRolloutStore } from './store.ts'
import { transition } from './transition.ts'

/** Wires the parts of this module together. */
export function createRollouts(deps: {
  database: Database
  clock: Clock
  scheduler: Scheduler
  log: Logger
  completed: Topic<InferenceCompleted>
  ports: {
    endpoints: EndpointPort
    evidence: EvidencePort
    champion: ChampionPort
    predictions: PredictionPort
    /** Null: queries of Prometheus have no source, and their gates hold. */
    queries: QueryPort | null
    /** Null: nobody is told. */
    notices: NoticePort | null
  }
  /** Names this process in leases. */
  processId: string
  config?: { tickMs?: number; lookEveryMs?: number; leaseMs?: number }
}): Rollouts {
  const { clock, log, ports } = deps
  const { tickMs = 1_000, lookEveryMs = 5_000, leaseMs = 15_000 } = deps.config ?? {}
  const store = createRolloutStore(deps.database)
  const leases = createLeases({
    database: deps.database,
    clock,
    holder: deps.processId,
    lifetimeMs: leaseMs,
  })
  const changed = createTopic<RolloutChanged>('rollout.changed', (error, topic) =>
    log.error({ err: error, topic }, 'a listener failed')
  )
  const record = createRecorder({ store, changed })
  const breaker = createBreaker({
    completed: deps.completed,
    onTrip: (id, reason) =>
      void controller
        .trip(id, reason)
        .catch((error: unknown) => log.error({ err: error, rollout: id }, 'tripping the breaker')),
  })
  const policies = createPolicyStore(deps.database)
  const freezes = createFreezeStore(deps.database)
  const declared = createDeclared({ policies, freezes, clock })
  const business = createBusiness({
    store: createBusinessStore(deps.database),
    endpoints: ports.endpoints,
    predictions: ports.predictions,
    clock,
  })
  const shadowBudgets = createShadowBudgets({
    costOf: (query) => ports.evidence.costOf(query),
    clock,
  })
  const freezeOf = async ({ project, endpoint }: RolloutRecord): Promise<string | null> => {
    const window = freezeAt(await freezes.list(project), { endpoint, now: clock.now() })
    return window === null ? null : sayFreeze(window)
  }
  const stopNotices =
    ports.notices === null ? null : sendNotices({ changed, notices: ports.notices, log })
  const controller = createController({
    store,
    leases,
    record,
    reconcile: createReconciler({
      store,
      leases,
      endpoints: ports.endpoints,
      champion: ports.champion,
      record,
      freezeOf,
      clock,
    }),
    look: createLooker({
      store,
      evidence: {
        ...ports.evidence,
        business: (query) => business.mean(query),
        queries: ports.queries,
      },
      breaker,
      freezeOf,
      whyNoCopies: (id) => shadowBudgets.whyStopped(id),
      record,
      clock,
      everyMs: lookEveryMs,
    }),
    breaker: () => breaker,
    shadowBudgets,
    clock,
    log,
  })
  deps.scheduler.every({ name: 'rollouts', intervalMs: tickMs, work: () => controller.kick() })
  deps.scheduler.every({
    name: 'rollouts.shadow-budgets',
    intervalMs: tickMs,
    work: () => shadowBudgets.refresh(),
  })
  deps.scheduler.every({
    name: 'rollouts.business-values',
    intervalMs: 3_600_000,
    work: () => business.prune(),
  })

  const get = async (project: string, id: string): Promise<RolloutRecord> => {
    const rollout = await store.find(id)
    if (rollout === null || rollout.project !== project)
      throw fail('rollouts.rollout_not_found', `No rollout "${id}"`)
    return rollout
  }

  const begin = async (request: {
    project: string
    body: NewRollout
    by: string
    isByPolicy: boolean
  }): Promise<RolloutRecord> => {
    const { project, body, by, isByPolicy } = request
    const now = clock.now()
    const endpoint = await ports.endpoints.get(project, body.endpoint)
    const policy = await policies.find(project, body.endpoint)
    const running = endpoint === null ? null : await store.findActive(endpoint.id)
    if (running !== null && !body.replace) throw inProgress(running)
    const rollout = await draftRollout(
      ports,
      { project, body, by, now, policy, isByPolicy },
      running
    )
    const first = firstTransition(rollout)
    const isWritten = await store.insert(
      rollout,
      first,
      running === null ? null : replacement(running, rollout)
    )
    if (!isWritten)
      throw fail(
        'rollouts.in_progress',
        `Another rollout of "${body.endpoint}" is in progress or has just moved on`
      )
    changed.publish(eventOf(rollout, first))
    controller.nudge(rollout.id)
    return rollout
  }

  const rollouts: Rollouts = {
    name: 'rollouts',
    changed,
    get,
    list: (page) => store.list(page),
    timeline: (id) => store.timeline(id),
    tick: () => controller.tick(),
    refreshBudgets: () => shadowBudgets.refresh(),
    mayChangeTraffic: async (endpointId) => (await store.findActive(endpointId)) === null,

    create: (request) => begin({ ...request, isByPolicy: false }),
    mayShadow: (endpointId, variant) => shadowBudgets.mayShadow(endpointId, variant),
    deferMove: createDeferMove({
      store: policies,
      endpoints: ports.endpoints,
      findActive: (endpointId) => store.findActive(endpointId),
      create: (request) => begin(request),
    }),
    async onArchived({ project, name, version }) {
      for (const rollout of await store.listOpen(clock.now())) {
        const { model } = rollout.spec
        if (rollout.project !== project || model.name !== name || model.version !== version)
          continue
        if (hasEnded(rollout.state.phase)) continue
        const error = `${name}/${version} was archived`
        const event = { kind: 'candidate-failed', at: clock.now(), error } as const
        await record(rollout.id, event, { actor: CONTROLLER, fence: null })
        controller.nudge(rollout.id)
      }
    },
    async onAlert({ project, endpoint, action, alert }) {
      const skipped = (outcome: string) => ({ state: 'skipped' as const, outcome })
      const [newest] = await store.list({ project, endpoint, limit: 1, before: undefined })
      if (newest === undefined) return skipped('The endpoint has had no rollout')
      const { id, state } = newest
      if (newest.createdAt > alert.startsAt) return skipped(`Rollout ${id} began after the alert`)
      const ending = action === 'roll-back' ? 'rolled-back' : 'aborted'
      if (state.phase === 'promoted' && ending === 'rolled-back') await assertCanReturn(newest)
      const recorded = await record(
        id,
        { kind: 'alerted', at: clock.now(), ending, reason: `Alert ${alert.id}: ${alert.title}` },
        { actor: `alert ${alert.id}`, fence: null, verdicts: newest.look?.verdicts ?? [] }
      )
      switch (recorded.kind) {
        case 'moved':
          controller.nudge(id)
          return { state: 'done', outcome: `Rollout ${id} goes back to the version before` }
        case 'unchanged':
          return skipped(`Rollout ${id} was ${(await get(project, id)).state.phase} already`)
        case 'refused':
        case 'lost':
          throw fail('resource.conflict', 'The rollout is moving; try again')
      }
    },
    business,
    declared,

    async act({ project, id, action, by, note }) {
      const rollout = await get(project, id)
      if (rollout.state.phase === 'promoted' && action === 'abort') await assertCanReturn(rollout)
      const recorded = await record(
        id,
        { kind: 'human', action, at: clock.now(), note },
        { actor: by, fence: null, verdicts: rollout.look?.verdicts ?? [] }
      )
      switch (recorded.kind) {
        case 'moved':
          controller.nudge(id)
          return recorded.rollout
        case 'refused':
          throw fail('resource.conflict', `Can't ${action} this rollout: ${recorded.because}`)
        case 'unchanged':
        case 'lost':
          throw fail('resource.conflict', 'The rollout is moving; try again')
      }
    },

    routes: (app) => addRolloutRoutes(app, rollouts, clock),
    async start() {},
    async stop() {
      stopNotices?.()
      breaker.stop()
      await controller.stop()
    },
  }

  const assertCanReturn = async (rollout: RolloutRecord): Promise<void> => {
    const running = await store.findActive(rollout.endpointId)
    if (running !== null) throw inProgress(running)
    const endpoint = await ports.endpoints.get(rollout.project, rollout.endpoint)
    const names = new Set(endpoint?.variants.map((v) => v.name))
    if (!rollout.spec.before.weights.every((w) => names.has(w.variant)))
      throw fail(
        'resource.conflict',
        'The old variants are no longer there; roll the old version out instead'
      )
    if (endpoint?.traffic.salt !== rollout.id)
      throw fail('resource.conflict', 'The traffic has been changed since this rollout')
  }

  return rollouts
}

const inProgress = (running: RolloutRecord) =>
  fail('rollouts.in_progress', `Rollout ${running.id} of "${running.endpoint}" is in progress`, {
    details: { rollout: running.id, phase: running.state.phase },
  })

const firstTransition = (rollout: RolloutRecord): TransitionRecord => ({
  seq: 1,
  at: rollout.createdAt,
  actor: rollout.createdBy,
  event: 'created',
  from: 'pending',
  to: 'pending',
  step: 0,
  reason: rollout.state.reason,
  weights: weightsOf(goalInputOf(rollout)),
  verdicts: [],
})

/** The end of the replaced rollout, to be written together with the beginning of its successor. */
function replacement(running: RolloutRecord, by: RolloutRecord) {
  const event = { kind: 'replaced', at: by.createdAt, by: by.id } as const
  const outcome = transition(running.state, event, running.spec.plan)
  if (outcome.kind !== 'moved') throw inProgress(running)
  const next = outcome.state
  return {
    rollout: running,
    next,
    retireAt: null,
    fence: null,
    transition: {
      at: event.at,
      actor: by.createdBy,
      event: nameOf(event),
      from: running.state.phase,
      to: next.phase,
      step: next.step,
      reason: next.reason,
      weights: weightsOf(goalInputOf({ ...running, state: next })),
      verdicts: running.look?.verdicts ?? [],
    },
  }
}

const eventOf = (rollout: RolloutRecord, first: TransitionRecord): RolloutChanged => ({
  rolloutId: rollout.id,
  project: rollout.project,
  endpoint: rollout.endpoint,
  endpointId: rollout.endpointId,
  candidate: rollout.spec.candidate,
  isStep: false,
  weight: first.weights.candidatePercent,
  event: first.event,
  from: first.from,
  to: first.to,
  hold: null,
  reason: first.reason,
  actor: first.actor,
  at: first.at,
})
