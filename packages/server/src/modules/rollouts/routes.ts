import { api, type Rollout } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import type { FastifyInstance } from 'fastify'
import { bindRoutes, type RequestContext } from '../../platform/http/index.ts'
import type { Rollouts } from './rollouts.ts'
import { isFrozen, type FreezeRecord } from './freezes/window.ts'
import { toWire } from './record.ts'
import type { HumanAction } from './state.ts'

export function addRolloutRoutes(
  app: FastifyInstance,
  rollouts: Pick<
    Rollouts,
    'create' | 'get' | 'list' | 'timeline' | 'act' | 'business' | 'declared'
  >,
  clock: Clock
): void {
  const act =
    (action: HumanAction) =>
    async (
      input: { id: string; note: string },
      { project, principal }: RequestContext
    ): Promise<Rollout> =>
      toWire(
        await rollouts.act({ project, id: input.id, action, by: principal.actor, note: input.note })
      )

  const { declared } = rollouts
  const freezeToWire = (freeze: FreezeRecord) => ({
    ...withoutProject(freeze),
    isFrozen: isFrozen(freeze, clock.now()),
  })

  bindRoutes(
    app,
    { name: 'rollouts', routes: api.rollouts },
    {
      createRollout: async (body, { project, principal }) =>
        toWire(await rollouts.create({ project, body, by: principal.actor })),
      listRollouts: async ({ endpoint, limit, pageToken }, { project }) => {
        const items = await rollouts.list({ project, endpoint, limit, before: pageToken })
        return {
          items: items.map(toWire),
          nextPageToken: items.length === limit ? (items.at(-1)?.id ?? null) : null,
        }
      },
      getRollout: async ({ id }, { project }) => ({
        ...toWire(await rollouts.get(project, id)),
        timeline: (await rollouts.timeline(id)).map((entry) => ({
          ...entry,
          verdicts: [...entry.verdicts],
        })),
      }),
      pauseRollout: act('pause'),
      resumeRollout: act('resume'),
      promoteRollout: act('promote'),
      abortRollout: act('abort'),
      approveRollout: act('approve'),
      pushBusinessMetrics: (body, { project }) => rollouts.business.push({ project, ...body }),
      listPolicies: async (_input, { project }) => ({
        items: (await declared.listPolicies(project)).map(withoutProject),
      }),
      putPolicy: async (policy, { project, principal }) =>
        withoutProject(await declared.putPolicy({ project, by: principal.actor }, policy)),
      deletePolicy: async ({ endpoint }, { project }) => {
        await declared.deletePolicy(project, endpoint)
        return {}
      },
      listFreezeWindows: async (_input, { project }) => ({
        items: (await declared.listFreezes(project)).map(freezeToWire),
      }),
      putFreezeWindow: async (freeze, { project, principal }) =>
        freezeToWire(await declared.putFreeze({ project, by: principal.actor }, freeze)),
      deleteFreezeWindow: async ({ name }, { project }) => {
        await declared.deleteFreeze(project, name)
        return {}
      },
      apply: async (body, { project, principal }) => ({
        changes: await declared.apply({ project, by: principal.actor }, body),
      }),
    }
  )
}

const withoutProject = <T extends { project: string }>({
  project: _,
  ...rest
}: T): Omit<T, 'project'> => rest
