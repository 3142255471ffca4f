import { costs } from './costs.ts'
import { features } from './features.ts'
import { identity } from './identity.ts'
import { registry } from './registry.ts'
import { rollouts } from './rollouts.ts'
import { tracking } from './tracking.ts'
import { monitoring } from './monitoring.ts'

/** Every JSON route of Trestle, by subject. The server binds this table, the SDK calls it, OpenAPI describes it. */
export const api = {
  identity,
  rollouts,
  tracking,
  registry,
  monitoring,
  costs,
  features,
}

export type Api = typeof api
