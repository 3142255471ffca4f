import { api, type Rollout } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { bindRoutes, type RequestContext } from '../../platform/http/index.ts'
import type { Rollouts } from './rollouts.ts'
import { toWire } from './record.ts'
import type { HumanAction } from './state.ts'

export function addRolloutRoutes(
  app: FastifyInstance,
  rollouts: Pick<Rollouts, 'create' | 'get' | 'list' | 'timeline' | 'act'>
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
    }
  )
}
