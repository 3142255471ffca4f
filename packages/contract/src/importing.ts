import { z } from 'zod'
import { epochMs, nothing } from './names.ts'
import { route } from './route.ts'

const pair = z.strictObject({ key: z.string().min(1).max(255), value: z.string() })
const pairs = z.array(pair).max(10_000).default([])
const id = z.string().regex(/^[A-Za-z0-9][\w-]{0,255}$/, 'is not an id as MLflow has them')
const stage = z.enum(['active', 'deleted'])

/** A metric as it is stored: NaN is the string `NaN`. */
const value = z.union([z.number(), z.literal('NaN')])
const point = z.strictObject({
  key: z.string().min(1).max(250),
  value,
  timestamp: z.int(),
  step: z.int(),
})

const dataset = z.strictObject({
  name: z.string().min(1).max(500),
  digest: z.string().min(1).max(36),
  sourceType: z.string(),
  source: z.string(),
  schema: z.string().nullable().default(null),
  profile: z.string().nullable().default(null),
  tags: pairs,
})

const importedRun = z.strictObject({
  runId: id,
  experimentId: z.string(),
  name: z.string(),
  userId: z.string(),
  status: z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED']),
  startTime: epochMs,
  endTime: epochMs.nullable(),
  params: pairs,
  tags: pairs,
  datasets: z.array(dataset).max(1_000).default([]),
  modelInputs: z.array(z.string()).max(1_000).default([]),
  modelOutputs: z
    .array(z.strictObject({ modelId: z.string(), step: z.int() }))
    .max(1_000)
    .default([]),
})
export type ImportedRun = z.input<typeof importedRun>

const importedModel = z.strictObject({
  modelId: id,
  experimentId: z.string(),
  name: z.string(),
  modelType: z.string(),
  status: z.string(),
  sourceRunId: z.string().nullable(),
  createdAt: epochMs,
  updatedAt: epochMs,
  params: pairs,
  tags: pairs,
  metrics: z
    .array(
      point.extend({
        runId: z.string(),
        datasetName: z.string().default(''),
        datasetDigest: z.string().default(''),
      })
    )
    .max(100_000)
    .default([]),
})
export type ImportedLoggedModel = z.input<typeof importedModel>

const importedVersion = z.strictObject({
  name: z.string().min(1),
  version: z.int().positive(),
  source: z.string().min(1),
  runId: z.string().nullable(),
  modelId: z.string().nullable(),
  runLink: z.string().default(''),
  stage: z.enum(['None', 'Staging', 'Production', 'Archived']).default('None'),
  userId: z.string().default(''),
  description: z.string().default(''),
  tags: pairs,
  createdAt: epochMs,
  updatedAt: epochMs,
})
export type ImportedVersion = z.input<typeof importedVersion>

const tag = 'Import'
const role = 'operator' as const

/**
 * What another tracking server had, kept as it was: ids, numbers, times. Each call may be made again; what is there already is not doubled.
 * The order is: experiments, a run, its metrics and artifacts, its end; logged models after their artifacts; registered models, versions.
 */
export const importing = {
  importExperiment: route({
    method: 'POST',
    path: '/api/import/experiments',
    role,
    tag,
    summary: 'Keep an experiment; one of the same name takes its runs',
    body: z.strictObject({
      id: z.string(),
      name: z.string().min(1).max(500),
      createdAt: epochMs,
      updatedAt: epochMs,
      tags: pairs,
    }),
    /** The id is the given one unless that was taken. */
    response: z.object({ experimentId: z.string(), artifactPath: z.string() }),
  }),
  importRun: route({
    method: 'POST',
    path: '/api/import/runs',
    role,
    tag,
    summary: 'Keep a run with its params, tags and inputs',
    body: importedRun,
    response: z.object({
      /** All of it is here, as of this status and end: nothing need be sent again. */
      isComplete: z.boolean(),
      artifactPath: z.string(),
    }),
    errors: ['resource.conflict', 'resource.not_found'],
  }),
  importMetrics: route({
    method: 'POST',
    path: '/api/import/runs/:runId/metrics',
    role,
    tag,
    summary: 'Keep values of metrics of an imported run',
    params: z.object({ runId: z.string() }),
    body: z.strictObject({ metrics: z.array(point).max(10_000) }),
    response: nothing,
    isDataTraffic: true,
    errors: ['resource.not_found'],
  }),
  endRun: route({
    method: 'POST',
    path: '/api/import/runs/:runId/end',
    role,
    tag,
    summary: 'Say that all of a run is here',
    params: z.object({ runId: z.string() }),
    body: z.strictObject({
      /** Where it came from; kept as the tag `trestle.importedFrom`. */
      from: z.string().max(500),
      lifecycleStage: stage,
    }),
    response: nothing,
    errors: ['resource.not_found'],
  }),
  countRuns: route({
    method: 'POST',
    path: '/api/import/counts',
    role: 'viewer',
    tag,
    summary: 'Count what is kept of some runs and logged models, to compare',
    body: z.strictObject({
      runIds: z.array(z.string()).max(500).default([]),
      modelIds: z.array(z.string()).max(500).default([]),
    }),
    response: z.object({
      runs: z.int(),
      params: z.int(),
      /** Without those that importing and naming a run add. */
      tags: z.int(),
      metrics: z.int(),
      datasets: z.int(),
      loggedModels: z.int(),
      files: z.int(),
      bytes: z.int(),
    }),
  }),
  importLoggedModel: route({
    method: 'POST',
    path: '/api/import/logged-models',
    role,
    tag,
    summary: 'Keep a logged model, once its artifacts are here',
    body: importedModel,
    response: nothing,
    errors: ['resource.conflict', 'resource.not_found'],
  }),
  importModel: route({
    method: 'POST',
    path: '/api/import/models',
    role,
    tag,
    summary: 'Keep a registered model',
    body: z.strictObject({
      name: z.string().min(1),
      description: z.string().nullable(),
      tags: pairs,
      createdAt: epochMs,
      updatedAt: epochMs,
    }),
    response: nothing,
  }),
  importVersion: route({
    method: 'POST',
    path: '/api/import/versions',
    role,
    tag,
    summary: 'Keep a model version under its own number, inspected as any other',
    body: importedVersion,
    response: z.object({ isNew: z.boolean(), status: z.string(), files: z.int() }),
    errors: ['registry.model_not_found'],
  }),
}
