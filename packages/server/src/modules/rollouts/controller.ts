import type { Clock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Breaker } from './breaker.ts'
import type { Leases } from './lease.ts'
import type { Looker } from './looker.ts'
import type { Reconciler } from './reconciler.ts'
import { CONTROLLER, type Recorder } from './recorder.ts'
import type { RolloutRecord } from './record.ts'
import { hasEnded, isEnding } from './state.ts'
import type { ShadowBudgets } from './shadow-budget.ts'
import type { RolloutStore } from './store.ts'

/** Drives the open rollouts: effects, looks, effects again, until nothing moves. */
export interface Controller {
  /** One pass over every open rollout; resolves when all are through. */
  tick(): Promise<void>
  /** Starts a pass over those that are not in one, and doesn't wait: a slow load must not delay another rollout. */
  kick(): Promise<void>
  /** Drives one rollout now, in the background. */
  nudge(id: string): void
  trip(id: string, reason: string): Promise<void>
  stop(): Promise<void>
}

export function createController(deps: {
  store: RolloutStore
  leases: Leases
  record: Recorder
  reconcile: Reconciler
  look: Looker
  /** Late, because the breaker reports back to this controller. */
  breaker: () => Breaker
  shadowBudgets: Pick<ShadowBudgets, 'watch' | 'unwatch'>
  clock: Clock
  log: Logger
}): Controller {
  const { store, leases } = deps
  const running = new Map<string, Promise<void>>()
  const held = new Set<string>()
  const locked = createLocks()
  let isStopped = false

  const reconcile = async (rollout: { id: string; endpointId: string }): Promise<boolean> => {
    const fence = await leases.hold(rollout.endpointId)
    if (fence === null) return false
    held.add(rollout.endpointId)
    await locked(rollout.endpointId, () => deps.reconcile(rollout.id, fence))
    return true
  }

  /** A plan has no more moves than this without new evidence; the bound is against a bug, not a wait. */
  const mostMoves = (rollout: RolloutRecord): number => 4 * (rollout.spec.plan.stages.length + 4)

  const drive = async (rollout: RolloutRecord): Promise<void> => {
    let version = rollout.version - 1
    let current: RolloutRecord | null = rollout
    for (let i = 0; i < mostMoves(rollout) && !isStopped; i++) {
      if (current === null || current.version === version) break
      version = current.version
      if (!(await reconcile(current))) return
      const fence = await leases.hold(current.endpointId)
      if (fence === null) return
      await deps.look(current.id, fence)
      current = await store.find(rollout.id)
      if (current !== null) watch(current)
    }
    if (current !== null && current.trouble !== null) await store.saveTrouble(current.id, null)
  }

  const watch = (rollout: RolloutRecord): void => {
    const { state, spec } = rollout
    watchShadow(rollout)
    const isExposed =
      !hasEnded(state.phase) &&
      state.phase !== 'pending' &&
      (!isEnding(state.phase) || state.phase === 'promoting')
    if (!isExposed) {
      deps.breaker().unwatch(rollout.id)
      return
    }
    deps.breaker().watch({
      rolloutId: rollout.id,
      endpointId: rollout.endpointId,
      candidate: spec.candidate,
      baseline: spec.baseline,
      stretch: String(state.step),
    })
  }

  const watchShadow = ({ id, endpointId, state, spec }: RolloutRecord): void => {
    const stage = spec.plan.stages[state.step]
    const capUsd = stage?.kind === 'shadow' ? stage.dailyCapUsd : null
    if (capUsd === null || hasEnded(state.phase)) deps.shadowBudgets.unwatch(id)
    else deps.shadowBudgets.watch({ rolloutId: id, endpointId, variant: spec.candidate, capUsd })
  }

  const start = (rollout: RolloutRecord): Promise<void> => {
    const known = running.get(rollout.id)
    if (known !== undefined) return known
    watch(rollout)
    const work = drive(rollout)
      .catch(async (error: unknown) => {
        deps.log.warn(
          { err: error, rollout: rollout.id },
          'a rollout could not be driven; next tick'
        )
        const trouble = messageOf(error)
        if (trouble !== rollout.trouble) await store.saveTrouble(rollout.id, trouble)
      })
      .catch((error: unknown) =>
        deps.log.error({ err: error, rollout: rollout.id }, 'saving trouble')
      )
      .finally(() => running.delete(rollout.id))
    running.set(rollout.id, work)
    return work
  }

  const startAll = async (): Promise<Promise<void>[]> => {
    if (isStopped) return []
    const open = await store.listOpen(deps.clock.now())
    // A rollout in a long load keeps its lease.
    for (const rollout of open) if (running.has(rollout.id)) await leases.hold(rollout.endpointId)
    return open.map(start)
  }

  return {
    tick: async () => void (await Promise.all(await startAll())),
    kick: async () => void (await startAll()),
    nudge(id) {
      if (isStopped) return
      const after = running.get(id) ?? Promise.resolve()
      void after
        .then(() => store.find(id))
        .then((rollout) => (rollout === null || isStopped ? undefined : start(rollout)))
        .catch((error: unknown) => deps.log.error({ err: error, rollout: id }, 'nudging'))
    },
    /** Not behind a running drive: gross failure doesn't wait for a slow source of evidence. */
    async trip(id, reason) {
      const event = { kind: 'breaker-tripped', at: deps.clock.now(), reason } as const
      const recorded = await deps.record(id, event, { actor: CONTROLLER, fence: null })
      if (recorded.kind !== 'moved') return
      deps.breaker().unwatch(id)
      await reconcile(recorded.rollout)
    },
    async stop() {
      isStopped = true
      await Promise.all(running.values())
      for (const endpointId of held) await leases.release(endpointId)
      held.clear()
    },
  }
}

/** One at a time per key, in order of asking. */
function createLocks(): (key: string, work: () => Promise<void>) => Promise<void> {
  const tails = new Map<string, Promise<void>>()
  return (key, work) => {
    const before = tails.get(key) ?? Promise.resolve()
    const mine = before.then(work)
    const tail = mine.catch(() => undefined)
    tails.set(key, tail)
    void tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key)
    })
    return mine
  }
}
