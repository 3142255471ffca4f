import { fail } from '../../../platform/errors.ts'
import type { Fleet } from '../fleet.ts'

/** The one endpoint of a project, for protocols that name none. Throws `serving.endpoint_not_found` when there are none or several. */
export function onlyEndpoint(fleet: Fleet, project: string, elsewhere: string): string {
  const [only, ...others] = fleet.list(project)
  if (only !== undefined && others.length === 0) return only.stored.name
  const count = others.length + (only === undefined ? 0 : 1)
  throw fail(
    'serving.endpoint_not_found',
    `This route needs exactly one endpoint, and there are ${count}; use ${elsewhere}`
  )
}
