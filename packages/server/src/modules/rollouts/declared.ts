import {
  rolloutOptions,
  type DeclaredFreeze,
  type DeclaredPolicy,
  type ServingChange,
} from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import { fail } from '../../platform/errors.ts'
import type { FreezeStore } from './freezes/store.ts'
import type { FreezeRecord } from './freezes/window.ts'
import { refuseGates, resolveGates } from './gates/gate.ts'
import { planOf } from './plan.ts'
import { refuseTwins } from './policies/policies.ts'
import type { PolicyRecord, PolicyStore } from './policies/store.ts'

type By = Readonly<{ project: string; by: string }>

/** Policies and freeze windows: what is declared once and holds for every rollout after. */
export interface Declared {
  listPolicies(project: string): Promise<PolicyRecord[]>
  putPolicy(at: By, policy: DeclaredPolicy): Promise<PolicyRecord>
  /** Throws `rollouts.policy_not_found`. */
  deletePolicy(project: string, endpoint: string): Promise<void>
  listFreezes(project: string): Promise<FreezeRecord[]>
  putFreeze(at: By, freeze: DeclaredFreeze): Promise<FreezeRecord>
  /** Throws `rollouts.freeze_not_found`. */
  deleteFreeze(project: string, name: string): Promise<void>
  /** Brings both to what is given, and says what that changes: nothing, the second time. */
  apply(
    at: By,
    declared: {
      policies: readonly DeclaredPolicy[]
      freezeWindows: readonly DeclaredFreeze[]
      prune: boolean
      dryRun: boolean
    }
  ): Promise<ServingChange[]>
}

export function createDeclared(deps: {
  policies: PolicyStore
  freezes: FreezeStore
  clock: Clock
}): Declared {
  const { policies, freezes, clock } = deps

  const declared: Declared = {
    listPolicies: (project) => policies.list(project),
    async putPolicy({ project, by }, policy) {
      checkPolicy(policy)
      refuseTwins(await policies.list(project), policy)
      const record = { ...policy, project, updatedAt: clock.now(), updatedBy: by }
      await policies.put(record)
      return record
    },
    async deletePolicy(project, endpoint) {
      if (!(await policies.remove(project, endpoint)))
        throw fail('rollouts.policy_not_found', `No rollout policy of "${endpoint}"`)
    },
    listFreezes: (project) => freezes.list(project),
    async putFreeze({ project, by }, freeze) {
      const record = { ...freeze, project, updatedAt: clock.now(), updatedBy: by }
      await freezes.put(record)
      return record
    },
    async deleteFreeze(project, name) {
      if (!(await freezes.remove(project, name)))
        throw fail('rollouts.freeze_not_found', `No freeze window "${name}"`)
    },
    async apply(at, { policies: wanted, freezeWindows, prune, dryRun }) {
      const [oldPolicies, oldFreezes] = [
        await policies.list(at.project),
        await freezes.list(at.project),
      ]
      for (const policy of wanted) checkPolicy(policy)
      const steps = [
        ...differences({
          kind: 'rollout policy',
          old: oldPolicies,
          wanted,
          prune,
          keyOf: (one) => one.endpoint,
          put: (one) => declared.putPolicy(at, one),
          remove: (key) => declared.deletePolicy(at.project, key),
        }),
        ...differences({
          kind: 'freeze window',
          old: oldFreezes,
          wanted: freezeWindows,
          prune,
          keyOf: (one) => one.name,
          put: (one) => declared.putFreeze(at, one),
          remove: (key) => declared.deleteFreeze(at.project, key),
        }),
      ]
      // What goes makes room first: an alias may move from one endpoint's policy to another's.
      const ordered = steps.toSorted(
        (a, b) => Number(b.kind === 'delete') - Number(a.kind === 'delete')
      )
      if (!dryRun) for (const { run } of ordered) await run()
      return steps.map(({ kind, subject, detail }) => ({ kind, subject, detail }))
    },
  }
  return declared
}

type Step = ServingChange & { run: () => Promise<unknown> }

function differences<T extends object>(given: {
  kind: string
  old: readonly (T & { project: string; updatedAt: number; updatedBy: string })[]
  wanted: readonly T[]
  prune: boolean
  keyOf: (one: T) => string
  put: (one: T) => Promise<unknown>
  remove: (key: string) => Promise<void>
}): Step[] {
  const { kind: word, old, wanted, keyOf } = given
  const keys = wanted.map(keyOf)
  const twice = keys.find((key, i) => keys.indexOf(key) !== i)
  if (twice !== undefined) throw fail('request.invalid', `The ${word} "${twice}" is declared twice`)
  const steps = wanted.map((one): Step => {
    const known = old.find((other) => keyOf(other) === keyOf(one))
    const kind = known === undefined ? 'create' : isSame(known, one) ? 'unchanged' : 'update'
    return {
      kind,
      subject: `${word} ${keyOf(one)}`,
      detail: kind === 'update' ? 'differs from what is declared' : '',
      run: () => (kind === 'unchanged' ? Promise.resolve() : given.put(one)),
    }
  })
  if (!given.prune) return steps
  const gone = old.filter((one) => !keys.includes(keyOf(one)))
  return [
    ...steps,
    ...gone.map((one): Step => ({
      kind: 'delete',
      subject: `${word} ${keyOf(one)}`,
      detail: 'not declared',
      run: () => given.remove(keyOf(one)),
    })),
  ]
}

function isSame(
  {
    project: _p,
    updatedAt: _a,
    updatedBy: _b,
    ...known
  }: object & {
    project: string
    updatedAt: number
    updatedBy: string
  },
  wanted: object
): boolean {
  const sorted = (value: unknown): string =>
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : inner
    )
  return sorted(known) === sorted(wanted)
}

/** A policy that no rollout could begin with is refused now, not in the night in which an alias moves. */
function checkPolicy(policy: DeclaredPolicy): void {
  const { strategy, gates } = rolloutOptions.parse({
    strategy: policy.strategy,
    gates: policy.gates,
  })
  const plan = planOf(strategy)
  const problem = refuseGates(resolveGates(gates, plan), plan)
  if (problem !== null) throw fail('request.invalid', `Policy of "${policy.endpoint}": ${problem}`)
}
