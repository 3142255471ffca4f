import { z } from 'zod'
import { llmSpec } from './llm.ts'
import { epochMs, name, nothing } from './names.ts'
import { graphSpec } from './graph.ts'
import { payloadLogger } from './payload-logger.ts'
import { remoteSpec } from './remote.ts'
import { scriptSpec } from './script.ts'
import { route } from './route.ts'
import { batching, responseCache } from './variant-options.ts'

const tag = 'Serving'

const servedModel = z.object({ name: z.string(), version: z.int() })

const servingVariant = z.object({
  name: z.string(),
  model: servedModel,
  /** Of an LLM: its backends and how calls are made. Null for a model that runs here. */
  llm: llmSpec.nullable(),
  /** Of a model on another server: where it is. Null for all others. */
  remote: remoteSpec.nullable(),
  /** Of a model written as code; null for all others. */
  script: scriptSpec.nullable(),
  /** Of several endpoints as one; null for all others. */
  graph: graphSpec.nullable(),
  /** How its requests wait and run together, where that is not as the server has it. */
  batching: batching.nullable(),
  /** Answers kept by what was asked; null: none are. */
  cache: responseCache.nullable(),
  /** `evicted`: freed for others, loaded again by the next request. `unloaded`: freed by hand. */
  state: z.enum(['loading', 'ready', 'failed', 'evicted', 'unloaded']),
  /** Why it failed; null otherwise. */
  error: z.string().nullable(),
  addedAt: epochMs,
})
export type ServingVariant = z.infer<typeof servingVariant>

const weights = z.array(z.object({ variant: z.string(), basisPoints: z.int().min(0).max(10_000) }))
const shadows = z.array(z.object({ variant: z.string(), share: z.number().min(0).max(1) }))

const trafficTable = z.object({ salt: z.string(), weights, shadows })
export type TrafficTable = z.infer<typeof trafficTable>

const endpoint = z.object({
  id: z.string(),
  project: z.string(),
  name: z.string(),
  featureService: z.string().nullable(),
  stickyKey: z.string().nullable(),
  columns: z.array(z.string()).nullable(),
  /** Where copies of requests and answers go as CloudEvents; null: nowhere. */
  logger: payloadLogger.nullable(),
  variants: z.array(servingVariant),
  traffic: trafficTable,
  createdAt: epochMs,
  updatedAt: epochMs,
})
export type Endpoint = z.infer<typeof endpoint>

const tensorSpec = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })

const endpointSchema = z.object({
  endpoint: z.string(),
  variant: z.string(),
  model: servedModel,
  platform: z.string(),
  inputs: z.array(tensorSpec),
  outputs: z.array(tensorSpec),
  /** Names that a row of a plain-JSON prediction must have; those a feature service fills may be left out. */
  columns: z.array(z.string()),
  entities: z.array(z.string()),
  isBatched: z.boolean(),
  isInline: z.boolean(),
  /** A body to try at `POST /endpoints/:endpoint/predict`. */
  example: z.record(z.string(), z.unknown()),
})
export type EndpointSchema = z.infer<typeof endpointSchema>

const backendStats = z.object({
  name: z.string(),
  /** Why it is not asked now; null while it is well. */
  trouble: z.string().nullable(),
  inFlight: z.int(),
  calls: z.int(),
  failures: z.int(),
  throttled: z.int(),
  /** Moving average of the time to the first byte. */
  firstByteMs: z.number().nullable(),
  /** Calls that it works on and that wait there, and the share of its KV cache in use, as its own metrics tell; null when they do not. */
  running: z.number().nullable(),
  waiting: z.number().nullable(),
  kvCacheUse: z.number().nullable(),
})
export type BackendStats = z.infer<typeof backendStats>

const variantStats = z.object({
  variant: z.string(),
  requests: z.int(),
  ok: z.int(),
  errors: z.int(),
  timeouts: z.int(),
  rejected: z.int(),
  rows: z.int(),
  batches: z.int(),
  meanBatchRows: z.number().nullable(),
  meanLatencyMs: z.number().nullable(),
  meanQueueMs: z.number().nullable(),
  meanComputeMs: z.number().nullable(),
  queued: z.int(),
  shadowed: z.int(),
  shadowsDropped: z.int(),
  lastAt: epochMs.nullable(),
  /** Of an LLM: how its backends fare. */
  backends: z.array(backendStats),
})
export type VariantStats = z.infer<typeof variantStats>

const change = z.object({
  kind: z.enum(['create', 'update', 'delete', 'unchanged']),
  subject: z.string(),
  detail: z.string(),
})
export type ServingChange = z.infer<typeof change>

const modelReference = z
  .string()
  .min(1)
  .max(300)
  .describe('`name/3`, `name@champion`, `models:/name/3` or `models:/name@champion`')

const settings = {
  featureService: name.nullable().default(null),
  /** What decides a request's variant: an input or entity by name, `header:<name>` or `api-key`. Null: the entity keys, else the request. */
  stickyKey: z.string().min(1).max(200).nullable().default(null),
  /** Names of the columns of a model with one stacked input, when its signature does not give them. */
  columns: z.array(z.string().min(1).max(200)).min(1).max(10_000).nullable().default(null),
  /** Where copies of requests and answers go as CloudEvents, as KServe's inference logger sends them. */
  logger: payloadLogger.nullable().default(null),
}

const variantOptions = {
  batching: batching.nullable().default(null),
  cache: responseCache.nullable().default(null),
}

const ofEndpoint = z.object({ endpoint: name })

const declaredEndpoint = z.strictObject({
  name,
  model: modelReference.optional(),
  llm: llmSpec.optional(),
  remote: remoteSpec.optional(),
  script: scriptSpec.optional(),
  graph: graphSpec.optional(),
  ...variantOptions,
  variants: z
    .array(
      z.strictObject({
        variant: name,
        model: modelReference.optional(),
        llm: llmSpec.optional(),
        remote: remoteSpec.optional(),
        script: scriptSpec.optional(),
        graph: graphSpec.optional(),
        ...variantOptions,
      })
    )
    .optional(),
  ...settings,
  traffic: z
    .strictObject({
      salt: z.string().max(200).optional(),
      weights,
      shadows: shadows.default([]),
    })
    .optional(),
})
export type DeclaredEndpoint = z.output<typeof declaredEndpoint>

export const serving = {
  listEndpoints: route({
    method: 'GET',
    path: '/api/endpoints',
    role: 'viewer',
    tag,
    summary: 'List endpoints',
    response: z.object({ items: z.array(endpoint) }),
  }),
  createEndpoint: route({
    method: 'POST',
    path: '/api/endpoints',
    role: 'operator',
    tag,
    status: 201,
    summary: 'Create an endpoint; its first variant is loaded and warm when this answers',
    body: z.strictObject({
      name,
      /** Either a registered model … */
      model: modelReference.optional(),
      /** … or an LLM … */
      llm: llmSpec.optional(),
      /** … or a model on another server … */
      remote: remoteSpec.optional(),
      /** … or one written as code … */
      script: scriptSpec.optional(),
      /** … or several endpoints as one. */
      graph: graphSpec.optional(),
      ...variantOptions,
      /** The name of the first variant; by default `v` and the version. */
      variant: name.optional(),
      ...settings,
    }),
    response: endpoint,
    errors: [
      'resource.already_exists',
      'serving.model_load_failed',
      'registry.model_not_found',
      'registry.version_not_found',
    ],
  }),
  getEndpoint: route({
    method: 'GET',
    path: '/api/endpoints/:endpoint',
    role: 'viewer',
    tag,
    summary: 'An endpoint with its variants and traffic',
    params: ofEndpoint,
    response: endpoint,
    errors: ['serving.endpoint_not_found'],
  }),
  deleteEndpoint: route({
    method: 'DELETE',
    path: '/api/endpoints/:endpoint',
    role: 'operator',
    tag,
    summary: 'Delete an endpoint; requests under way are finished',
    params: ofEndpoint,
    response: nothing,
    errors: ['serving.endpoint_not_found', 'rollouts.in_progress'],
  }),
  addVariant: route({
    method: 'POST',
    path: '/api/endpoints/:endpoint/variants',
    role: 'operator',
    tag,
    status: 201,
    summary:
      'Add a model version, an LLM, a model on another server, a script or a graph, without traffic; it is loaded and warm when this answers',
    params: ofEndpoint,
    body: z.strictObject({
      model: modelReference.optional(),
      llm: llmSpec.optional(),
      remote: remoteSpec.optional(),
      script: scriptSpec.optional(),
      graph: graphSpec.optional(),
      ...variantOptions,
      variant: name.optional(),
    }),
    response: servingVariant,
    errors: ['serving.endpoint_not_found', 'resource.already_exists', 'serving.model_load_failed'],
  }),
  removeVariant: route({
    method: 'DELETE',
    path: '/api/endpoints/:endpoint/variants/:variant',
    role: 'operator',
    tag,
    summary: 'Remove a variant that has no traffic',
    params: z.object({ endpoint: name, variant: name }),
    response: nothing,
    errors: ['serving.endpoint_not_found', 'serving.variant_not_found', 'resource.conflict'],
  }),
  setTraffic: route({
    method: 'PUT',
    path: '/api/endpoints/:endpoint/traffic',
    role: 'operator',
    tag,
    summary: 'Set who gets which share; refused while a rollout runs',
    params: ofEndpoint,
    body: z.strictObject({
      /** A new salt deals the keys anew; left out, it stays. */
      salt: z.string().max(200).optional(),
      weights,
      shadows: shadows.default([]),
    }),
    response: endpoint,
    errors: ['serving.endpoint_not_found', 'request.invalid', 'rollouts.in_progress'],
  }),
  getSchema: route({
    method: 'GET',
    path: '/api/endpoints/:endpoint/schema',
    role: 'viewer',
    tag,
    summary: 'What a prediction takes and gives, with an example to try',
    params: ofEndpoint,
    query: z.object({ variant: name.optional() }),
    response: endpointSchema,
    errors: ['serving.endpoint_not_found', 'serving.variant_not_found', 'serving.not_ready'],
  }),
  getStats: route({
    method: 'GET',
    path: '/api/endpoints/:endpoint/stats',
    role: 'viewer',
    tag,
    summary: 'Counts and mean times per variant since this process loaded it',
    params: ofEndpoint,
    response: z.object({ items: z.array(variantStats) }),
    errors: ['serving.endpoint_not_found'],
  }),
  apply: route({
    method: 'POST',
    path: '/api/serving/apply',
    role: 'operator',
    tag,
    summary: 'Bring endpoints to what is declared; with dryRun, only say what would change',
    body: z.strictObject({
      endpoints: z.array(declaredEndpoint),
      /** Whether endpoints that are not declared are deleted. */
      prune: z.boolean().default(false),
      dryRun: z.boolean().default(false),
    }),
    response: z.object({ changes: z.array(change) }),
    errors: ['serving.model_load_failed', 'request.invalid', 'rollouts.in_progress'],
  }),
}
