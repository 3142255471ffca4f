import { rolloutOptions, type NewRollout, type RolloutOptions } from '@trestle/contract'
import { AppError } from '../../kernel/errors.ts'
import { sortableId } from '../../kernel/ids.ts'
import { fail } from '../../platform/errors.ts'
import { refuseGates, resolveGates } from './gates/gate.ts'
import { planOf } from './plan.ts'
import type { ChampionPort, EndpointFacts, EndpointPort } from './ports.ts'
import type { PolicyRecord } from './policies/store.ts'
import type { RolloutRecord } from './record.ts'
import { initialState } from './state.ts'

type Candidate = { variant: string; model: { name: string; version: number }; wasThere: boolean }

/** Turns a request into a rollout that can begin, or says what is wrong with it. Nothing is written and nothing changes. */
export async function draftRollout(
  ports: { endpoints: EndpointPort; champion: ChampionPort },
  request: {
    project: string
    body: NewRollout
    by: string
    now: number
    policy: PolicyRecord | null
    isByPolicy: boolean
  },
  replaced: RolloutRecord | null
): Promise<RolloutRecord> {
  const { project, body, now } = request
  const endpoint = await ports.endpoints.get(project, body.endpoint)
  if (endpoint === null) throw fail('serving.endpoint_not_found', `No endpoint "${body.endpoint}"`)

  // What a replaced rollout put there is not what was there before.
  const before = replaced?.spec.before ?? endpoint.traffic
  const baseline = before.weights.toSorted((a, b) => b.basisPoints - a.basisPoints)[0]?.variant
  if (baseline === undefined)
    throw fail(
      'resource.conflict',
      `Endpoint "${body.endpoint}" has no variant with traffic: there is nothing to compare with or to return to. Give its first variant the traffic directly.`
    )
  const ours =
    replaced !== null && !replaced.spec.candidateWasThere ? replaced.spec.candidate : null
  const candidate = await findCandidate(ports.champion, request, { endpoint, ours })
  if (candidate.variant === baseline)
    throw fail('resource.conflict', `"${baseline}" has most of the traffic already`)

  await refuseArchived(ports.champion, project, candidate.model)

  const options = optionsOf(body, request.policy)
  const plan = planOf(options.strategy)
  const gates = resolveGates(options.gates, plan)
  const problem = refuseGates(gates, plan)
  if (problem !== null) throw fail('request.invalid', problem)

  return {
    id: sortableId('rol', now),
    project,
    endpoint: body.endpoint,
    endpointId: endpoint.id,
    version: 1,
    spec: {
      model: candidate.model,
      candidate: candidate.variant,
      candidateWasThere: candidate.wasThere,
      baseline,
      before,
      strategy: options.strategy,
      plan,
      gates,
      onInsufficient: options.onInsufficient,
      failureLimit: options.failureLimit,
      alpha: options.alpha,
      environmentErrorRate: options.environmentErrorRate,
      ...promotionOf(body, candidate.model, request.policy),
      archiveOthers: body.archiveOthers,
      isByPolicy: request.isByPolicy,
      keepOldMs: options.keepOldMs,
      evicts: ours,
    },
    state: initialState(now, options.deadlineMs),
    look: null,
    trouble: null,
    registryBefore: null,
    retireAt: null,
    createdAt: now,
    createdBy: request.by,
  }
}

/** What the request says, else the endpoint's policy, else the default. Other gates come with another strategy: a policy's may not fit it. */
function optionsOf(body: NewRollout, policy: PolicyRecord | null): RolloutOptions {
  const chosen = Object.fromEntries(
    Object.keys(rolloutOptions.shape).flatMap((key) => {
      const own = body[key as keyof RolloutOptions]
      const isForeign = key === 'gates' && body.strategy !== undefined
      const value = own ?? (isForeign ? undefined : policy?.[key as keyof RolloutOptions])
      return value === undefined ? [] : [[key, value]]
    })
  )
  return rolloutOptions.parse(chosen)
}

/** What moves at the end: as asked, else what the policy of this endpoint and model is about. */
function promotionOf(
  body: NewRollout,
  model: { name: string },
  policy: PolicyRecord | null
): Pick<RolloutRecord['spec'], 'promoteAlias' | 'promoteStage'> {
  const isSaid = body.promoteAlias !== undefined || body.promoteStage !== undefined
  const on = isSaid || policy?.model !== model.name ? null : policy.on
  return {
    promoteAlias: body.promoteAlias ?? (on !== null && 'alias' in on ? on.alias : null),
    promoteStage: body.promoteStage ?? (on !== null && 'stage' in on ? on.stage : null),
  }
}

async function refuseArchived(
  champion: ChampionPort,
  project: string,
  model: { name: string; version: number }
): Promise<void> {
  const named = `${model.name}/${model.version}`
  const version = await champion.resolve(project, named).catch((error: unknown) => {
    // A variant may outlive its version: what is loaded can still be rolled out.
    if (error instanceof AppError && error.code.startsWith('registry.')) return null
    throw error
  })
  if (version === null) return
  if (version.stage === 'Archived')
    throw fail(
      'registry.version_not_ready',
      `${named} is archived; move it to another stage to roll it out`
    )
  if (!version.isReady) throw fail('registry.version_not_ready', `${named} is not ready`)
}

async function findCandidate(
  champion: ChampionPort,
  { project, body }: { project: string; body: NewRollout },
  { endpoint, ours }: { endpoint: EndpointFacts; ours: string | null }
): Promise<Candidate> {
  const named =
    body.variant === undefined ? undefined : endpoint.variants.find((v) => v.name === body.variant)
  if (body.model === undefined) {
    if (named === undefined)
      throw fail(
        'serving.variant_not_found',
        `No variant "${body.variant ?? ''}" on "${endpoint.name}"`
      )
    return { variant: named.name, model: named.model, wasThere: named.name !== ours }
  }
  const { name, version } = await champion.resolve(project, body.model)
  const model = { name, version }
  const isSame = (v: { model: { name: string; version: number } }): boolean =>
    v.model.name === model.name && v.model.version === model.version
  if (named !== undefined && !isSame(named))
    throw fail(
      'resource.conflict',
      `Variant "${named.name}" serves ${named.model.name}/${named.model.version}, not ${model.name}/${model.version}`
    )
  const known = named ?? (body.variant === undefined ? endpoint.variants.find(isSame) : undefined)
  if (known !== undefined) return { variant: known.name, model, wasThere: known.name !== ours }
  const short = `v${model.version}`
  const isTaken = endpoint.variants.some((v) => v.name === short)
  const variant = body.variant ?? (isTaken ? `${model.name}-${short}` : short)
  return { variant, model, wasThere: false }
}
