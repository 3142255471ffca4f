import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../../kernel/clock.ts'
import { bindRoutes } from '../../../platform/http/index.ts'
import { holdersAfter } from '../history.ts'
import { inOwnWords } from '../native-errors.ts'
import type { RegisteredModels } from '../registry.ts'
import type { RegistryStore } from '../store.ts'
import { ruleOf, type Governance } from './governance.ts'
import type { GuardRow } from './governance-store.ts'

/** Guards, requests for approval, and who held what when. */
export function addGovernanceRoutes(
  app: FastifyInstance,
  deps: { models: RegisteredModels; store: RegistryStore; governance: Governance; clock: Clock }
): void {
  const { models, store, governance, clock } = deps
  bindRoutes(
    app,
    { name: 'governance', routes: api.governance },
    {
      listGuards: async ({ name }, { project }) =>
        inOwnWords(async () => {
          const guards = await governance.guards(await models.getModel(project, name))
          return { items: guards.map(toGuard) }
        }),
      setGuard: async ({ name, kind, target, ...rule }, { project, principal }) =>
        inOwnWords(async () => {
          const model = await models.getModel(project, name)
          return toGuard(
            await governance.setGuard(model, { kind, target, rule, by: principal.actor })
          )
        }),
      deleteGuard: async ({ name, kind, target }, { project }) =>
        inOwnWords(async () => {
          await governance.removeGuard(await models.getModel(project, name), { kind, target })
          return {}
        }),
      requestApproval: async ({ name, version, kind, target, comment }, { project, principal }) =>
        inOwnWords(async () => {
          const model = await models.getModel(project, name)
          const record = await models.getRecord(project, name, version)
          const by = principal.actor
          return governance.request(model, { kind, target, version: record, comment, by })
        }),
      listApprovals: async ({ name, before, limit }, { project }) =>
        inOwnWords(async () => {
          const model = await models.getModel(project, name)
          return { items: await governance.list(model, { before, limit }) }
        }),
      reviewApproval: async ({ name, id, verdict, comment }, { project, principal }) =>
        inOwnWords(async () => {
          const model = await models.getModel(project, name)
          return governance.review(model, { id, reviewer: principal.actor, verdict, comment })
        }),
      withdrawApproval: async ({ name, id }, { project }) =>
        inOwnWords(async () => governance.withdraw(await models.getModel(project, name), id)),
      getHolders: async ({ name, at = clock.now() }, { project }) =>
        inOwnWords(async () => {
          const events = await store.eventsUntil(await models.getModel(project, name), at)
          const { aliases, stages } = holdersAfter(events)
          return {
            at,
            aliases,
            stages: Object.fromEntries(
              Object.entries(stages).map(([stage, versions]) => [stage, [...versions]])
            ),
          }
        }),
    }
  )
}

const toGuard = (row: GuardRow) => ({
  kind: row.kind === 'stage' ? ('stage' as const) : ('alias' as const),
  target: row.target,
  rule: ruleOf(row),
  by: row.by,
  updatedAt: row.updated_at,
})
