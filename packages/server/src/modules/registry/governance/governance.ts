/**
 * How a version comes to an alias or a stage that is guarded.
 *
 *   open ──approvals enough, checks passed──► approved ──moved──► applied
 *    ├──a rejection──► rejected
 *    └──withdrawn by anyone who may ask──► withdrawn
 *
 * Requests and reviews are never deleted while their model is there. A version that was applied before may come back without
 * another request: going back is how trouble ends.
 */
import { guardRule, type Approval, type ApprovalCheck, type GuardRule } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { sortableId } from '../../../kernel/ids.ts'
import { fail } from '../../../platform/errors.ts'
import { MlflowError, type Tracking } from '../../tracking/index.ts'
import { stageOf, type ModelVersionRecord } from '../model-version.ts'
import type { ModelRow } from '../store.ts'
import { runChecks, type Candidate } from './checks.ts'
import type { ApprovalRow, GovernanceStore, GuardRow, Place } from './governance-store.ts'

export interface Governance {
  guards(model: ModelRow): Promise<GuardRow[]>
  setGuard(model: ModelRow, given: Place & { rule: GuardRule; by: string }): Promise<GuardRow>
  removeGuard(model: ModelRow, place: Place): Promise<void>
  /** Throws PERMISSION_DENIED when the place is guarded and the version (null: nobody) was not approved for it. */
  check(model: ModelRow, place: Place, version: number | null): Promise<void>
  /** Notes that a version took a place. */
  applied(model: ModelRow, place: Place, version: number): Promise<void>
  request(
    model: ModelRow,
    given: Place & { version: ModelVersionRecord; comment: string; by: string }
  ): Promise<Approval>
  list(model: ModelRow, page: { before: string | undefined; limit: number }): Promise<Approval[]>
  /** Takes a review; with the last one that was missing, the version moves. */
  review(
    model: ModelRow,
    given: { id: string; reviewer: string; verdict: 'approved' | 'rejected'; comment: string }
  ): Promise<Approval>
  withdraw(model: ModelRow, id: string): Promise<Approval>
}

export function createGovernance(deps: {
  store: GovernanceStore
  tracking: Tracking
  clock: Clock
  getVersion: (model: ModelRow, version: number) => Promise<ModelVersionRecord>
  /** The version that has a place now. */
  holder: (model: ModelRow, place: Place) => Promise<ModelVersionRecord | null>
  move: (model: ModelRow, move: Place & { version: number; by: string }) => Promise<void>
}): Governance {
  const { store, clock } = deps

  const candidateOf = async (version: ModelVersionRecord): Promise<Candidate> => {
    const run =
      version.runId === null ? null : await deps.tracking.getRun(version.project, version.runId)
    return {
      version: version.version,
      metrics: Object.fromEntries((run?.metrics ?? []).map((m) => [m.key, m.value])),
      signature: version.signature,
      tags: version.tags,
    }
  }

  const checksOf = async (
    model: ModelRow,
    rule: GuardRule,
    row: Pick<ApprovalRow, 'version' | 'kind' | 'target'>
  ): Promise<ApprovalCheck[]> => {
    const champion = await deps.holder(model, placeOf(row))
    return runChecks(
      rule,
      await candidateOf(await deps.getVersion(model, row.version)),
      champion === null || champion.version === row.version ? null : await candidateOf(champion)
    )
  }

  const ruleFor = async (model: ModelRow, place: Place): Promise<GuardRule> => {
    const guard = await store.findGuard(model, place)
    return guard === undefined ? guardRule.parse({ approvals: 0 }) : ruleOf(guard)
  }

  const find = async (model: ModelRow, id: string): Promise<ApprovalRow> => {
    const row = await store.findApproval(model, id)
    if (row === undefined)
      throw fail('registry.approval_not_found', `No request ${id} of "${model.name}"`)
    return row
  }

  const toApprovals = async (
    model: ModelRow,
    rows: readonly ApprovalRow[]
  ): Promise<Approval[]> => {
    const reviews = await store.reviews(rows.map((row) => row.approval_id))
    const guards = await store.guards(model)
    return rows.map((row) => {
      const own = reviews.filter((review) => review.approval_id === row.approval_id)
      const checks = JSON.parse(row.checks) as ApprovalCheck[] // written below
      const guard = guards.find((g) => g.kind === row.kind && g.target === row.target)
      return {
        id: row.approval_id,
        model: model.name,
        version: row.version,
        ...placeOf(row),
        state: row.state as Approval['state'], // written below
        comment: row.comment,
        checks,
        requestedBy: row.requested_by,
        requestedAt: row.requested_at,
        closedAt: row.closed_at,
        reviews: own.map((review) => ({
          reviewer: review.reviewer,
          verdict: review.verdict as 'approved' | 'rejected', // written below
          comment: review.comment,
          at: review.at,
        })),
        missing:
          row.state === 'open'
            ? missingOf(guard === undefined ? null : ruleOf(guard), checks, own)
            : [],
      }
    })
  }

  const one = async (model: ModelRow, id: string): Promise<Approval> => {
    const [approval] = await toApprovals(model, [await find(model, id)])
    if (approval === undefined) throw fail('registry.approval_not_found', `No request ${id}`)
    return approval
  }

  /** Moves the version when nothing is missing. Checks are made again: the champion may be another by now. */
  const settle = async (model: ModelRow, id: string, by: string): Promise<Approval> => {
    const row = await find(model, id)
    if (row.state !== 'open') return one(model, id)
    const rule = await ruleFor(model, placeOf(row))
    const checks = await checksOf(model, rule, row)
    const reviews = await store.reviews([id])
    const isReady = missingOf(rule, checks, reviews).length === 0
    const state = isReady ? 'approved' : 'open'
    const isOurs = await store.advance(row, {
      state,
      checks: JSON.stringify(checks),
      closed_at: isReady ? clock.now() : null,
    })
    if (isReady && isOurs) await deps.move(model, { ...placeOf(row), version: row.version, by })
    return one(model, id)
  }

  return {
    guards: (model) => store.guards(model),
    async setGuard(model, { kind, target, rule, by }) {
      const row: GuardRow = {
        model_key: model.model_key,
        ...canonical({ kind, target }),
        rule: JSON.stringify(rule),
        by,
        updated_at: clock.now(),
      }
      await store.putGuard(row)
      return row
    },
    async removeGuard(model, place) {
      if (!(await store.removeGuard(model, canonical(place))))
        throw fail('resource.not_found', `${place.kind} "${place.target}" is not guarded`)
    },
    async check(model, place, version) {
      if ((await store.findGuard(model, place)) === undefined) return
      const approvals = version === null ? [] : await store.approvalsFor(model, version, place)
      if (approvals.some((row) => row.state === 'approved' || row.state === 'applied')) return
      throw new MlflowError(
        'PERMISSION_DENIED',
        version === null
          ? `The ${place.kind} '${place.target}' of '${model.name}' is protected: it moves, and is not removed.`
          : `The ${place.kind} '${place.target}' of '${model.name}' is protected: version ${version} needs an approval. Ask with: trestle models request ${model.name}/${version} ${place.kind}:${place.target}`
      )
    },
    async applied(model, place, version) {
      for (const row of await store.approvalsFor(model, version, place))
        if (row.state === 'approved')
          await store.advance(row, {
            state: 'applied',
            closed_at: row.closed_at,
            checks: row.checks,
          })
    },
    async request(model, { version, comment, by, ...given }) {
      const place = canonical(given)
      const now = clock.now()
      const id = sortableId('apr', now)
      const asked = { version: version.version, ...place }
      const checks = await checksOf(model, await ruleFor(model, place), asked)
      await store.addApproval({
        approval_id: id,
        model_key: model.model_key,
        ...asked,
        state: 'open',
        comment,
        checks: JSON.stringify(checks),
        requested_by: by,
        requested_at: now,
        closed_at: null,
      })
      return settle(model, id, by)
    },
    list: async (model, page) => toApprovals(model, await store.approvals(model, page)),
    async review(model, { id, reviewer, verdict, comment }) {
      const row = await find(model, id)
      if (row.state !== 'open')
        throw fail('resource.conflict', `Request ${id} is ${row.state}: it takes no more reviews`)
      const rule = await ruleFor(model, placeOf(row))
      if (row.requested_by === reviewer)
        throw fail('auth.forbidden', 'Who asked does not review: another has to')
      if (rule.reviewers.length > 0 && !rule.reviewers.includes(reviewer))
        throw fail(
          'auth.forbidden',
          `${reviewer} is none of the reviewers: ${rule.reviewers.join(', ')}`
        )
      await store.putReview({ approval_id: id, reviewer, verdict, comment, at: clock.now() })
      if (verdict === 'rejected') {
        await store.advance(row, { state: 'rejected', closed_at: clock.now(), checks: row.checks })
        return one(model, id)
      }
      return settle(model, id, reviewer)
    },
    async withdraw(model, id) {
      const row = await find(model, id)
      const withdrawn = { state: 'withdrawn', closed_at: clock.now(), checks: row.checks }
      if (row.state !== 'open' || !(await store.advance(row, withdrawn)))
        throw fail('resource.conflict', `Request ${id} is ${row.state}`)
      return one(model, id)
    },
  }
}

const placeOf = (row: Pick<ApprovalRow, 'kind' | 'target'>): Place => ({
  kind: row.kind === 'stage' ? 'stage' : 'alias',
  target: row.target,
})

/** A stage by its own spelling. */
function canonical({ kind, target }: Place): Place {
  if (kind === 'alias') return { kind, target }
  const stage = stageOf(target)
  if (stage === null) throw fail('request.invalid', `No stage "${target}"`)
  return { kind, target: stage }
}

export const ruleOf = (row: GuardRow): GuardRule => guardRule.parse(JSON.parse(row.rule))

function missingOf(
  rule: GuardRule | null,
  checks: readonly ApprovalCheck[],
  reviews: readonly { verdict: string }[]
): string[] {
  const given = reviews.filter((review) => review.verdict === 'approved').length
  const wanted = (rule?.approvals ?? 0) - given
  return [
    ...checks.filter((check) => !check.passed).map((check) => `${check.name}: ${check.detail}`),
    ...(wanted > 0 ? [`${wanted} more approval${wanted === 1 ? '' : 's'}`] : []),
  ]
}
