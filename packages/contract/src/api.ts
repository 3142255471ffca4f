import { identity } from './identity.ts'
import { serving } from './serving.ts'

/** Every JSON route of Trestle, by subject. The server binds this table, the SDK calls it, OpenAPI describes it. */
export const api = {
  identity,
  serving,
}

export type Api = typeof api
