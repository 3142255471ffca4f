import { z } from 'zod'
import { epochMs, nothing, page, pageQuery } from './names.ts'
import { route } from './route.ts'

const stage = z.enum(['None', 'Staging', 'Production', 'Archived'])
const status = z.enum(['PENDING_REGISTRATION', 'READY', 'FAILED_REGISTRATION'])
const flavor = z.enum(['onnx', 'other'])

const column = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('column'),
    name: z.string().nullable(),
    type: z.string(),
    required: z.boolean(),
  }),
  z.object({
    kind: z.literal('tensor'),
    name: z.string().nullable(),
    dtype: z.string(),
    /** -1 is any length. */
    shape: z.array(z.number()),
  }),
])

const onnxValue = z.object({
  name: z.string(),
  /** As `tensor(float)`. */
  type: z.string(),
  /** A dimension is a length, a name, or null when it is open. Null: the rank is open too. */
  shape: z.array(z.union([z.number(), z.string()]).nullable()).nullable(),
})

const onnxSummary = z.object({
  irVersion: z.int(),
  opset: z.int().nullable(),
  opsets: z.record(z.string(), z.int()),
  producer: z.string(),
  inputs: z.array(onnxValue),
  outputs: z.array(onnxValue),
  metadata: z.record(z.string(), z.string()),
  externalFiles: z.array(z.string()),
  nodes: z.int(),
})

const versionSummary = z.object({
  name: z.string(),
  version: z.int(),
  stage,
  status,
  /** Why registration failed. */
  statusMessage: z.string().nullable(),
  flavor,
  aliases: z.array(z.string()),
  tags: z.record(z.string(), z.string()),
  description: z.string(),
  runId: z.string().nullable(),
  createdAt: epochMs,
  updatedAt: epochMs,
  createdBy: z.string(),
})
export type ModelVersionSummary = z.infer<typeof versionSummary>

export const modelVersion = versionSummary.extend({
  source: z.string(),
  modelId: z.string().nullable(),
  featureService: z.string().nullable(),
  /** Sealed when the version was made: these never change. */
  files: z.array(z.object({ path: z.string(), digest: z.string(), size: z.number() })),
  signature: z.object({ inputs: z.array(column), outputs: z.array(column) }).nullable(),
  onnxFile: z.string().nullable(),
  onnx: onnxSummary.nullable(),
  lineage: z.object({
    run: z
      .object({
        runId: z.string(),
        name: z.string(),
        experimentId: z.string(),
        status: z.string(),
        gitCommit: z.string().nullable(),
        gitRepository: z.string().nullable(),
        user: z.string(),
        metrics: z.record(z.string(), z.number().nullable()),
        params: z.record(z.string(), z.string()),
      })
      .nullable(),
    datasets: z.array(
      z.object({
        name: z.string(),
        digest: z.string(),
        sourceType: z.string(),
        context: z.string().nullable(),
      })
    ),
  }),
})
export type ModelVersionDetail = z.infer<typeof modelVersion>

const model = z.object({
  name: z.string(),
  description: z.string(),
  createdAt: epochMs,
  updatedAt: epochMs,
  tags: z.record(z.string(), z.string()),
  aliases: z.record(z.string(), z.int()),
  /** Newest first. */
  versions: z.array(versionSummary),
})
export type RegisteredModel = z.infer<typeof model>

const registryEvent = z.object({
  id: z.string(),
  at: epochMs,
  kind: z.enum([
    'version.created',
    'version.deleted',
    'alias.moved',
    'alias.removed',
    'stage.changed',
  ]),
  version: z.int(),
  alias: z.string().nullable(),
  stage: stage.nullable(),
  by: z.string(),
})

const tag = 'Registry'
const byName = z.object({ name: z.string() })
const byVersion = z.object({ name: z.string(), version: z.coerce.number().int().positive() })
const notFound = ['registry.model_not_found', 'registry.version_not_found'] as const

/** Query fields of an upload: `PUT /api/models/:name/versions` with the ONNX file as its body. */
export const uploadQuery = z.object({
  description: z.string().max(100_000).default(''),
  /** JSON object of strings. */
  tags: z.string().optional(),
  /** JSON object of numbers, logged to the version's run. */
  metrics: z.string().optional(),
  /** The run that made the model. Without one, a run is made. */
  runId: z.string().optional(),
  featureService: z.string().optional(),
  /** JSON object `{"inputs": [{"name", "type"}], "outputs": [{"name", "type"}]}`: the columns of the model, in order, with MLflow's types (`double`, `long`, `string` …). */
  signature: z.string().optional(),
  /** File name within the version. */
  file: z
    .string()
    .regex(/^[\w.-]{1,120}\.onnx$/, 'is a file name that ends in .onnx')
    .default('model.onnx'),
})

/** The rollout that makes the move when it ends well, because a policy says so; null: the move is made. */
const deferred = z.string().nullable()

export const registry = {
  listModels: route({
    method: 'GET',
    path: '/api/models',
    role: 'viewer',
    tag,
    summary: 'List registered models with their versions, aliases and stages',
    query: pageQuery,
    response: page(model),
  }),
  getModel: route({
    method: 'GET',
    path: '/api/models/:name',
    role: 'viewer',
    tag,
    summary: 'Get a registered model',
    params: byName,
    response: model,
    errors: ['registry.model_not_found'],
  }),
  deleteModel: route({
    method: 'DELETE',
    path: '/api/models/:name',
    role: 'operator',
    tag,
    summary: 'Delete a registered model with all its versions',
    params: byName,
    response: nothing,
    errors: ['registry.model_not_found'],
  }),
  getVersion: route({
    method: 'GET',
    path: '/api/models/:name/versions/:version',
    role: 'viewer',
    tag,
    summary: 'Get a model version with its files, signature, graph and lineage',
    params: byVersion,
    response: modelVersion,
    errors: notFound,
  }),
  deleteVersion: route({
    method: 'DELETE',
    path: '/api/models/:name/versions/:version',
    role: 'operator',
    tag,
    summary: 'Delete a model version; its number is not used again',
    params: byVersion,
    response: nothing,
    errors: notFound,
  }),
  transitionStage: route({
    method: 'POST',
    path: '/api/models/:name/versions/:version/stage',
    role: 'operator',
    tag,
    summary: 'Move a model version to another stage',
    params: byVersion,
    body: z.strictObject({ stage, archiveExisting: z.boolean().default(false) }),
    response: versionSummary.extend({ rollout: deferred }),
    errors: notFound,
  }),
  setAlias: route({
    method: 'PUT',
    path: '/api/models/:name/aliases/:alias',
    role: 'operator',
    tag,
    summary: 'Point an alias at a version',
    params: byName.extend({ alias: z.string() }),
    body: z.strictObject({ version: z.int().positive() }),
    response: z.object({ rollout: deferred }),
    errors: [...notFound, 'registry.version_not_ready', 'registry.protected'],
  }),
  deleteAlias: route({
    method: 'DELETE',
    path: '/api/models/:name/aliases/:alias',
    role: 'operator',
    tag,
    summary: 'Remove an alias',
    params: byName.extend({ alias: z.string() }),
    response: nothing,
    errors: ['registry.model_not_found'],
  }),
  listHistory: route({
    method: 'GET',
    path: '/api/models/:name/history',
    role: 'viewer',
    tag,
    summary: 'What became of the versions of a model, newest first',
    params: byName,
    query: pageQuery,
    response: page(registryEvent),
    errors: ['registry.model_not_found'],
  }),
}
