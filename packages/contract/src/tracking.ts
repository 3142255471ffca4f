import { z } from 'zod'
import { nothing } from './names.ts'
import { route } from './route.ts'
import {
  experiment,
  fileInfo,
  int64,
  keyValue,
  metric,
  metricInput,
  repeated,
  run,
  runInfo,
  runStatus,
  viewType,
} from './tracking-wire.ts'

const tag = 'Tracking (MLflow)'
const root = '/api/2.0/mlflow'

/** Every route of a run takes its id by either name. */
const runId = { run_id: z.string().optional(), run_uuid: z.string().optional() }

const search = {
  filter: z.string().default(''),
  order_by: repeated,
  page_token: z.string().optional(),
  max_results: int64.optional(),
}

/** The part of MLflow's REST that the console and the SDK use; failures come as MLflow's `{ error_code, message }`. */
export const tracking = {
  createExperiment: route({
    method: 'POST',
    path: `${root}/experiments/create`,
    role: 'operator',
    tag,
    summary: 'Create an experiment',
    body: z.object({
      name: z.string().min(1),
      artifact_location: z.string().optional(),
      tags: z.array(keyValue).default([]),
    }),
    response: z.object({ experiment_id: z.string() }),
  }),
  getExperiment: route({
    method: 'GET',
    path: `${root}/experiments/get`,
    role: 'viewer',
    tag,
    summary: 'Get an experiment',
    query: z.object({ experiment_id: z.string() }),
    response: z.object({ experiment }),
  }),
  getExperimentByName: route({
    method: 'GET',
    path: `${root}/experiments/get-by-name`,
    role: 'viewer',
    tag,
    summary: 'Get an experiment by its name',
    query: z.object({ experiment_name: z.string() }),
    response: z.object({ experiment }),
  }),
  searchExperiments: route({
    method: 'POST',
    path: `${root}/experiments/search`,
    role: 'viewer',
    tag,
    summary: 'Search experiments',
    body: z.object({ ...search, view_type: viewType.default('ACTIVE_ONLY') }),
    response: z.object({
      experiments: z.array(experiment).optional(),
      next_page_token: z.string().optional(),
    }),
  }),
  createRun: route({
    method: 'POST',
    path: `${root}/runs/create`,
    role: 'operator',
    tag,
    summary: 'Start a run',
    body: z.object({
      experiment_id: z.string().default('0'),
      user_id: z.string().default(''),
      run_name: z.string().default(''),
      start_time: int64.optional(),
      tags: z.array(keyValue).default([]),
    }),
    response: z.object({ run }),
  }),
  updateRun: route({
    method: 'POST',
    path: `${root}/runs/update`,
    role: 'operator',
    tag,
    summary: 'Set the status, end time or name of a run',
    body: z.object({
      ...runId,
      status: runStatus.optional(),
      end_time: int64.optional(),
      run_name: z.string().optional(),
    }),
    response: z.object({ run_info: runInfo }),
  }),
  getRun: route({
    method: 'GET',
    path: `${root}/runs/get`,
    role: 'viewer',
    tag,
    summary: 'Get a run with its latest metrics, params, tags, datasets and models',
    query: z.object(runId),
    response: z.object({ run }),
  }),
  searchRuns: route({
    method: 'POST',
    path: `${root}/runs/search`,
    role: 'viewer',
    tag,
    summary: 'Search runs',
    body: z.object({
      ...search,
      experiment_ids: repeated,
      run_view_type: viewType.default('ACTIVE_ONLY'),
    }),
    response: z.object({ runs: z.array(run).optional(), next_page_token: z.string().optional() }),
  }),
  logBatch: route({
    method: 'POST',
    path: `${root}/runs/log-batch`,
    role: 'operator',
    tag,
    summary: 'Log metrics, params and tags of a run, all or none',
    body: z.object({
      ...runId,
      metrics: z.array(metricInput).default([]),
      params: z.array(keyValue).default([]),
      tags: z.array(keyValue).default([]),
    }),
    response: nothing,
  }),
  getMetricHistory: route({
    method: 'GET',
    path: `${root}/metrics/get-history`,
    role: 'viewer',
    tag,
    summary: 'Every value of one metric of a run',
    query: z.object({
      ...runId,
      metric_key: z.string(),
      page_token: z.string().optional(),
      max_results: int64.optional(),
    }),
    response: z.object({
      metrics: z.array(metric).optional(),
      next_page_token: z.string().optional(),
    }),
  }),
  getMetricHistories: route({
    method: 'GET',
    path: `${root}/metrics/get-history-bulk-interval`,
    role: 'viewer',
    tag,
    summary: 'One metric of several runs, sampled to a number of points each',
    query: z.object({
      run_ids: repeated,
      metric_key: z.string(),
      start_step: int64.optional(),
      end_step: int64.optional(),
      max_results: int64.optional(),
    }),
    response: z.object({ metrics: z.array(metric.extend({ run_id: z.string() })).optional() }),
  }),
  listArtifacts: route({
    method: 'GET',
    path: `${root}/artifacts/list`,
    role: 'viewer',
    tag,
    summary: 'List the artifacts of a run, one folder at a time',
    query: z.object({ ...runId, path: z.string().optional(), page_token: z.string().optional() }),
    response: z.object({
      root_uri: z.string(),
      files: z.array(fileInfo).optional(),
      next_page_token: z.string().optional(),
    }),
  }),
}
