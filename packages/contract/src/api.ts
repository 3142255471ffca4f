import { features } from './features.ts'
import { identity } from './identity.ts'
import { tracking } from './tracking.ts'

/** Every JSON route of Trestle, by subject. The server binds this table, the SDK calls it, OpenAPI describes it. */
export const api = {
  identity,
  tracking,
  features,
}

export type Api = typeof api
