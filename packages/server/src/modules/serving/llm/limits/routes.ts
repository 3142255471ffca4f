import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { fail } from '../../../../platform/errors.ts'
import { bindRoutes } from '../../../../platform/http/index.ts'
import type { CallLimit } from '../call-limits.ts'
import type { LimitBook } from './limit-book.ts'

/** The API of the limits of callers. */
export function addLimitRoutes(app: FastifyInstance, limits: LimitBook): void {
  bindRoutes(
    app,
    { name: 'llm', routes: api.llm },
    {
      listLimits: async (_input, { project }) => ({
        items: limits
          .known()
          .flatMap((limit) => (limit.project === project ? [toWire(limit)] : [])),
      }),
      putLimit: async ({ apiKey, ...input }, { project }) => {
        const limit: CallLimit = { ...input, project, apiKeyId: apiKey }
        await limits.put(limit)
        return toWire(limit)
      },
      deleteLimit: async ({ name }, { project }) => {
        if (!(await limits.remove(project, name)))
          throw fail('resource.not_found', `No limit "${name}"`)
        return {}
      },
    }
  )
}

const toWire = ({ project: _project, apiKeyId, ...limit }: CallLimit) => ({
  ...limit,
  apiKey: apiKeyId,
})
