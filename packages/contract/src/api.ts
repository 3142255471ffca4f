import { batch } from './batch.ts'
import { costs } from './costs.ts'
import { features } from './features.ts'
import { garbage } from './garbage.ts'
import { identity } from './identity.ts'
import { importing } from './importing.ts'
import { lineage } from './lineage.ts'
import { llm } from './llm.ts'
import { monitoring } from './monitoring.ts'
import { governance } from './registry-governance.ts'
import { registry } from './registry.ts'
import { rollouts } from './rollouts.ts'
import { serving } from './serving.ts'
import { streams } from './streams.ts'
import { tracking } from './tracking.ts'
import { traces } from './tracking-traces.ts'
import { webhooks } from './webhooks.ts'

/** Every JSON route of Trestle, by subject. The server binds this table, the SDK calls it, OpenAPI describes it. */
export const api = {
  identity,
  tracking,
  traces,
  registry,
  governance,
  webhooks,
  lineage,
  importing,
  garbage,
  features,
  serving,
  llm,
  monitoring,
  costs,
  rollouts,
  batch,
  streams,
}

export type Api = typeof api
