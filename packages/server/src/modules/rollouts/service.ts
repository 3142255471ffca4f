import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import { fail } from '../../platform/errors.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import { createBreaker } from './breaker.ts'
import { createController } from './controller.ts'
import { draftRollout } from './create.ts'
import { weightsOf } from './goal.ts'
import { createLeases } from './lease.ts'
import { createLooker } from './looker.ts'
import type { ChampionPort, EndpointPort, EvidencePort } from './ports.ts'
import { createReconciler } from './reconciler.ts'
import { createRecorder, nameOf, type RolloutChanged } from './recorder.ts'
import { goalInputOf, type RolloutRecord, type TransitionRecord } from './record.ts'
import type { Rollouts } from './rollouts.ts'
import { addRolloutRoutes } from './routes.ts'
import { createRolloutStore } from './store.ts'
import { transition } from './transition.ts'

/** Wires the parts of this module together. */
export function createRollouts(deps: {
  database: Database
  clock: Clock
  scheduler: Scheduler
  log: Logger
  completed: Topic<InferenceCompleted>
  ports: { endpoints: EndpointPort; evidence: EvidencePort; champion: ChampionPort }
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
      clock,
    }),
    look: createLooker({
      store,
      evidence: ports.evidence,
      breaker,
      record,
      clock,
      everyMs: lookEveryMs,
    }),
    breaker: () => breaker,
    clock,
    log,
  })
  deps.scheduler.every({ name: 'rollouts', intervalMs: tickMs, work: () => controller.kick() })

  const get = async (project: string, id: string): Promise<RolloutRecord> => {
    const rollout = await store.find(id)
    if (rollout === null || rollout.project !== project)
      throw fail('rollouts.rollout_not_found', `No rollout "${id}"`)
    return rollout
  }

  const rollouts: Rollouts = {
    name: 'rollouts',
    changed,
    get,
    list: (page) => store.list(page),
    timeline: (id) => store.timeline(id),
    tick: () => controller.tick(),
    mayChangeTraffic: async (endpointId) => (await store.findActive(endpointId)) === null,

    async create({ project, body, by }) {
      const now = clock.now()
      const endpoint = await ports.endpoints.get(project, body.endpoint)
      const running = endpoint === null ? null : await store.findActive(endpoint.id)
      if (running !== null && !body.replace) throw inProgress(running)
      const rollout = await draftRollout(ports, { project, body, by, now }, running)
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
    },

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

    routes: (app) => addRolloutRoutes(app, rollouts),
    async start() {},
    async stop() {
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
  event: first.event,
  from: first.from,
  to: first.to,
  hold: null,
  reason: first.reason,
  actor: first.actor,
  at: first.at,
})
