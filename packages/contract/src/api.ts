import { identity } from './identity.ts'
import { rollouts } from './rollouts.ts'
import { tracking } from './tracking.ts'

/** Every JSON route of Trestle, by subject. The server binds this table, the SDK calls it, OpenAPI describes it. */
export const api = {
  identity,
  rollouts,
  tracking,
}

export type Api = typeof api
