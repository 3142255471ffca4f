import { api } from '@trestle/contract'
import { z } from 'zod'
import { checkMaxResults, MAX } from '../mlflow/limits.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import { decodePageToken, encodePageToken } from '../mlflow/page-token.ts'
import { mlflowRoute, type Caller, type MlflowRoute } from '../mlflow/scope.ts'
import { sampleSteps, type MetricHistory } from './metric-history.ts'
import { runOf } from './run-routes.ts'
import { toWireMetric, unlessEmpty } from './run-wire.ts'
import type { Runs } from './runs.ts'

const wire = api.tracking

export function metricRoutes(deps: { runs: Runs; history: MetricHistory }): MlflowRoute[] {
  const { runs, history } = deps

  const getHistory = async (f: z.output<typeof wire.getMetricHistory.query>, caller: Caller) => {
    const id = runOf(f, caller)
    const query = JSON.stringify([id.runId, f.metric_key])
    const isPaged = f.max_results !== undefined || f.page_token !== undefined
    const limit = checkMaxResults(f.max_results, {
      byDefault: isPaged ? MAX.historyPage : Number.MAX_SAFE_INTEGER - 1,
      most: isPaged ? MAX.historyPage : Number.MAX_SAFE_INTEGER,
    })
    const after = decodePageToken(f.page_token, query)
    const { points, last } = await history.page(await runs.get(id), f.metric_key, { after, limit })
    return {
      ...unlessEmpty('metrics', points.map(toWireMetric)),
      ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
    }
  }

  /** The same steps for every run, so that their curves can be compared point by point. */
  const getInterval = async (f: z.output<typeof wire.getMetricHistories.query>, caller: Caller) => {
    checkRuns(f.run_ids)
    const points = checkMaxResults(f.max_results, {
      byDefault: MAX.bulkPoints,
      most: MAX.bulkPoints,
    })
    const range = {
      from: f.start_step ?? -Number.MAX_SAFE_INTEGER,
      to: f.end_step ?? Number.MAX_SAFE_INTEGER,
    }
    if (range.from > range.to)
      throw invalidParameter(
        `end_step must be greater than start_step. Found start_step=${range.from} and end_step=${range.to}.`
      )
    const found = await Promise.all(
      f.run_ids.map(async (runId) => runs.get({ project: caller.project, runId }))
    )
    const steps = new Set<number>()
    const edges = new Set<number>()
    for (const run of found) {
      const own = await history.steps(run, f.metric_key, range)
      for (const step of own) steps.add(step)
      for (const edge of [own.at(0), own.at(-1)]) if (edge !== undefined) edges.add(edge)
    }
    const sampled = sampleSteps(
      [...steps].toSorted((a, b) => a - b),
      points
    )
    const chosen = [...new Set([...sampled, ...edges])].toSorted((a, b) => a - b)
    const metrics = []
    for (const run of found)
      for (const point of await history.at(run, f.metric_key, chosen))
        metrics.push({ ...toWireMetric(point), run_id: run.run_id })
    return unlessEmpty('metrics', metrics)
  }

  /** An older form of the same, for MLflow's pages: whole histories, cut after `max_results` points. */
  const getBulk = async (
    f: { run_id: string[]; metric_key: string; max_results?: number | undefined },
    caller: Caller
  ) => {
    checkRuns(f.run_id)
    const limit = checkMaxResults(f.max_results, {
      byDefault: MAX.historyPage,
      most: MAX.historyPage,
    })
    const metrics = []
    for (const runId of f.run_id) {
      if (metrics.length >= limit) break
      const run = await runs.get({ project: caller.project, runId })
      const { points } = await history.page(run, f.metric_key, {
        after: null,
        limit: limit - metrics.length,
      })
      for (const point of points) metrics.push({ ...toWireMetric(point), run_id: runId })
    }
    return { metrics }
  }

  return [
    mlflowRoute({
      method: 'GET',
      path: 'metrics/get-history',
      fields: wire.getMetricHistory.query,
      handle: getHistory,
    }),
    mlflowRoute({
      method: 'GET',
      path: 'metrics/get-history-bulk-interval',
      fields: wire.getMetricHistories.query,
      handle: getInterval,
    }),
    mlflowRoute({
      method: 'GET',
      path: 'metrics/get-history-bulk',
      fields: z.object({
        run_id: wire.getMetricHistories.query.shape.run_ids,
        metric_key: z.string(),
        max_results: wire.getMetricHistories.query.shape.max_results,
      }),
      handle: getBulk,
    }),
  ]
}

function checkRuns(ids: readonly string[]): void {
  if (ids.length === 0) throw invalidParameter("Missing value for required parameter 'run_ids'.")
  if (ids.length > MAX.bulkRuns)
    throw invalidParameter(
      `GetMetricHistoryBulkInterval request must specify at most ${MAX.bulkRuns} run_ids. Received ${ids.length} run_ids.`
    )
}
