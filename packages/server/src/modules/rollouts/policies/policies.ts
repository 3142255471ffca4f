import type { DeclaredPolicy, NewRollout } from '@trestle/contract'
import { fail } from '../../../platform/errors.ts'
import type { EndpointPort } from '../ports.ts'
import { CONTROLLER } from '../recorder.ts'
import type { RolloutRecord } from '../record.ts'
import type { PolicyRecord, PolicyStore } from './store.ts'

/** A move in the registry that somebody asks for. */
export type RegistryMove = Readonly<{
  project: string
  name: string
  version: number
  to: Readonly<{ alias: string } | { stage: string }>
  archiveOthers: boolean
  by: string
}>

/** Begins the rollout that a policy asks for in place of a move, and returns it; null when the move is to be made as it is. */
export type DeferMove = (move: RegistryMove) => Promise<{ rolloutId: string } | null>

/**
 * A move that a policy is about is made by the rollout when it ends well. It is made at once where nothing can be rolled out: there is no such endpoint
 * yet, nothing on it has traffic, or all of its traffic has this version already.
 */
export function createDeferMove(deps: {
  store: PolicyStore
  endpoints: Pick<EndpointPort, 'get'>
  findActive: (endpointId: string) => Promise<RolloutRecord | null>
  create: (request: {
    project: string
    body: NewRollout
    by: string
    isByPolicy: boolean
  }) => Promise<RolloutRecord>
}): DeferMove {
  return async (move) => {
    if (move.by.startsWith(CONTROLLER)) return null
    const policy = (await deps.store.list(move.project)).find((one) => isAbout(one, move))
    if (policy === undefined) return null
    const endpoint = await deps.endpoints.get(move.project, policy.endpoint)
    if (endpoint === null) return null
    const running = await deps.findActive(endpoint.id)
    const isSame =
      running?.spec.model.name === move.name && running.spec.model.version === move.version
    if (running !== null && isSame && running.spec.isByPolicy) return { rolloutId: running.id }
    const carried = endpoint.traffic.weights.filter(({ basisPoints }) => basisPoints > 0)
    const isDone = carried.every(({ variant }) => {
      const model = endpoint.variants.find(({ name }) => name === variant)?.model
      return model?.name === move.name && model.version === move.version
    })
    if (running === null && isDone) return null
    const { id } = await deps.create({
      project: move.project,
      by: move.by,
      isByPolicy: true,
      body: {
        endpoint: policy.endpoint,
        model: `${move.name}/${move.version}`,
        ...('alias' in move.to
          ? { promoteAlias: move.to.alias }
          : { promoteStage: move.to.stage === 'Staging' ? 'Staging' : 'Production' }),
        archiveOthers: move.archiveOthers,
        replace: true,
      },
    })
    return { rolloutId: id }
  }
}

function isAbout(policy: DeclaredPolicy, move: RegistryMove): boolean {
  const { on } = policy
  if (on === null || policy.model !== move.name) return false
  if ('alias' in on) return 'alias' in move.to && move.to.alias === on.alias
  return 'stage' in move.to && move.to.stage === on.stage
}

/** Two endpoints can't both say when one alias moves: which of them would? */
export function refuseTwins(policies: readonly PolicyRecord[], declared: DeclaredPolicy): void {
  const twin = policies.find(
    (one) =>
      declared.on !== null &&
      one.endpoint !== declared.endpoint &&
      one.model === declared.model &&
      JSON.stringify(one.on) === JSON.stringify(declared.on)
  )
  if (twin !== undefined)
    throw fail(
      'resource.conflict',
      `A move of ${declared.model} is the policy of endpoint "${twin.endpoint}" already`
    )
}
