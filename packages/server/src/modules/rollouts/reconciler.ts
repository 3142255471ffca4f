import type { Clock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import { goalOf, isSameTraffic, type Goal } from './goal.ts'
import type { Leases } from './lease.ts'
import type { ChampionPort, EndpointFacts, EndpointPort } from './ports.ts'
import { createRegistryMoves } from './registry-moves.ts'
import { CONTROLLER, type Recorder } from './recorder.ts'
import { goalInputOf, type RolloutRecord } from './record.ts'
import type { RolloutEvent } from './state.ts'
import type { Fence, RolloutStore } from './store.ts'

/** Makes the world look as the written state says. Every effect may happen twice, none happens before its state is written. */
export type Reconciler = (id: string, fence: Fence) => Promise<void>

export function createReconciler(deps: {
  store: RolloutStore
  leases: Leases
  endpoints: EndpointPort
  champion: ChampionPort
  record: Recorder
  /** What forbids a step forward now, in words. */
  freezeOf: (rollout: RolloutRecord) => Promise<string | null>
  clock: Clock
}): Reconciler {
  const { store, endpoints, champion, clock } = deps

  /** Runs one effect, unless another process has taken the endpoint over meanwhile. */
  const act = async (work: Work, effect: () => Promise<void>): Promise<void> => {
    if (!(await deps.leases.isHeld(work.rollout.endpointId, work.fence)))
      throw new Error('Another process has taken this endpoint over')
    await effect()
  }
  const tell = async (work: Work, event: RolloutEvent): Promise<void> =>
    void (await deps.record(work.rollout.id, event, { actor: CONTROLLER, fence: work.fence }))

  const applyTraffic = async (work: Work): Promise<void> => {
    const { rollout, endpoint, goal } = work
    if (isSameTraffic(endpoint.traffic, goal.traffic)) return
    await act(work, () =>
      endpoints.setTraffic({
        project: rollout.project,
        endpoint: rollout.endpoint,
        traffic: goal.traffic,
        by: `${CONTROLLER}:${rollout.id}`,
      })
    )
  }

  const removeIfThere = async (work: Work, variant: string): Promise<void> => {
    const { rollout, endpoint } = work
    if (!endpoint.variants.some((v) => v.name === variant)) return
    await act(work, () => endpoints.removeVariant(rollout.project, rollout.endpoint, variant))
  }

  const moveRegistry = createRegistryMoves({ store, champion })

  const load = async (work: Work): Promise<void> => {
    const { rollout } = work
    const { candidate, model, evicts } = rollout.spec
    await applyTraffic(work)
    if (evicts !== null && evicts !== candidate) await removeIfThere(work, evicts)
    const known = work.endpoint.variants.find((v) => v.name === candidate)
    if (known?.state === 'loading') return
    if (known?.state === 'failed')
      return tell(work, {
        kind: 'candidate-failed',
        at: clock.now(),
        error: known.error ?? 'failed',
      })
    if (known === undefined) {
      try {
        await act(work, () =>
          endpoints.addVariant(rollout.project, rollout.endpoint, {
            variant: candidate,
            model: `${model.name}/${model.version}`,
          })
        )
      } catch (error) {
        return tell(work, { kind: 'candidate-failed', at: clock.now(), error: messageOf(error) })
      }
    }
    const freeze = await deps.freezeOf(rollout)
    if (freeze === null) await tell(work, { kind: 'candidate-ready', at: clock.now() })
    else await tell(work, { kind: 'frozen', at: clock.now(), reason: `Loaded. ${freeze}` })
  }

  /** Whether the candidate still runs; if not, says so. */
  const isAlive = async (work: Work): Promise<boolean> => {
    const variant = work.endpoint.variants.find((v) => v.name === work.rollout.spec.candidate)
    if (variant?.state === 'ready') return true
    if (variant?.state === 'loading') return false
    const error = variant === undefined ? 'it is gone' : (variant.error ?? 'it failed')
    await tell(work, { kind: 'candidate-failed', at: clock.now(), error })
    return false
  }

  return async (id, fence) => {
    const rollout = await store.find(id)
    if (rollout === null) return
    const endpoint = await endpoints.get(rollout.project, rollout.endpoint)
    if (endpoint === null || endpoint.id !== rollout.endpointId) {
      const event: RolloutEvent = { kind: 'endpoint-gone', at: clock.now() }
      await deps.record(id, event, { actor: CONTROLLER, fence })
      return
    }
    const work: Work = { rollout, endpoint, fence, goal: goalOf(goalInputOf(rollout)) }
    switch (rollout.state.phase) {
      case 'pending':
        return load(work)
      case 'shadow':
      case 'preview':
      case 'canary':
      case 'ab-test':
      case 'bandit':
      case 'baking':
      case 'holding':
      case 'paused':
        if (!(await isAlive(work))) return
        await applyTraffic(work)
        return tell(work, { kind: 'traffic-applied', at: clock.now() })
      case 'promoting':
        if (!(await isAlive(work))) return
        await applyTraffic(work)
        await moveRegistry(work.rollout, work.goal.registry, (effect) => act(work, effect))
        return tell(work, { kind: 'settled', at: clock.now() })
      case 'rolling-back':
      case 'finishing':
        await applyTraffic(work)
        await moveRegistry(work.rollout, work.goal.registry, (effect) => act(work, effect))
        if (work.goal.candidate === 'absent') await removeIfThere(work, rollout.spec.candidate)
        return tell(work, { kind: 'settled', at: clock.now() })
      case 'promoted':
        return retire(deps, work)
      case 'finished':
      case 'rolled-back':
      case 'aborted':
        return
    }
  }
}

type Work = { rollout: RolloutRecord; endpoint: EndpointFacts; fence: Fence; goal: Goal }

/** Removes the old variants when their time is over: not those that have traffic again, and not while another rollout may need them. */
async function retire(
  deps: { store: RolloutStore; endpoints: EndpointPort; clock: Clock },
  { rollout, endpoint }: Work
): Promise<void> {
  if (rollout.retireAt === null || deps.clock.now() < rollout.retireAt) return
  if ((await deps.store.findActive(rollout.endpointId)) !== null) return
  const busy = new Set([
    rollout.spec.candidate,
    ...endpoint.traffic.weights.map((w) => w.variant),
    ...endpoint.traffic.shadows.map((s) => s.variant),
  ])
  for (const { variant } of rollout.spec.before.weights) {
    if (!busy.has(variant) && endpoint.variants.some((v) => v.name === variant))
      await deps.endpoints.removeVariant(rollout.project, rollout.endpoint, variant)
  }
  await deps.store.clearRetire(rollout.id)
}
