import { api, type WireExperiment } from '@trestle/contract'
import { z } from 'zod'
import { done } from '../mlflow/done.ts'
import { parseFilter } from '../mlflow/filter.ts'
import { EXPERIMENTS } from '../mlflow/grammar.ts'
import { checkMaxResults, MAX } from '../mlflow/limits.ts'
import { parseOrderBy } from '../mlflow/order-by.ts'
import { decodePageToken, encodePageToken } from '../mlflow/page-token.ts'
import { mlflowRoute, type Caller, type MlflowRoute } from '../mlflow/scope.ts'
import { stagesOf } from '../mlflow/view-type.ts'
import type { ExperimentRow, ExperimentStore, TagRow } from './experiment-store.ts'
import type { Experiments } from './experiments.ts'

const wire = api.tracking
const id = z.object({ experiment_id: z.string() })
const orderable = {
  ...EXPERIMENTS,
  strings: { ...EXPERIMENTS.strings, experiment_id: 'experiment_id' },
}

export function experimentRoutes(deps: {
  experiments: Experiments
  store: ExperimentStore
}): MlflowRoute[] {
  const { experiments, store } = deps

  const answer = async (row: ExperimentRow): Promise<{ experiment: WireExperiment }> => {
    const tags = await store.tagsOf(row.project, [row.experiment_id])
    return { experiment: toWire(row, tags.get(row.experiment_id) ?? []) }
  }

  const search = async (
    fields: z.output<typeof wire.searchExperiments.body>,
    { project }: Caller
  ) => {
    const limit = checkMaxResults(fields.max_results, {
      byDefault: 1_000,
      most: MAX.searchExperiments,
    })
    const query = JSON.stringify([fields.filter, fields.order_by, fields.view_type])
    await experiments.ensureDefault(project)
    const { rows, last } = await store.search({
      project,
      stages: stagesOf(fields.view_type),
      clauses: parseFilter(fields.filter, EXPERIMENTS),
      orderBy: parseOrderBy(fields.order_by, orderable),
      after: decodePageToken(fields.page_token, query),
      limit,
    })
    const tags = await store.tagsOf(
      project,
      rows.map((row) => row.experiment_id)
    )
    return {
      ...(rows.length === 0
        ? {}
        : { experiments: rows.map((row) => toWire(row, tags.get(row.experiment_id) ?? [])) }),
      ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
    }
  }

  return [
    mlflowRoute({
      method: 'POST',
      path: 'experiments/create',
      fields: wire.createExperiment.body,
      handle: async (f, { project }) => ({
        experiment_id: String(
          await experiments.create({
            project,
            name: f.name,
            artifactLocation: f.artifact_location,
            tags: f.tags,
          })
        ),
      }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'experiments/get',
      fields: id,
      handle: async (f, { project }) => answer(await experiments.get(project, f.experiment_id)),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'experiments/get-by-name',
      fields: wire.getExperimentByName.query,
      handle: async (f, { project }) =>
        answer(await experiments.getByName(project, f.experiment_name)),
    }),
    ...(['GET', 'POST'] as const).map((method) =>
      mlflowRoute({
        method,
        path: 'experiments/search',
        fields: wire.searchExperiments.body,
        isRead: true,
        handle: search,
      })
    ),
    mlflowRoute({
      method: 'POST',
      path: 'experiments/update',
      fields: id.extend({ new_name: z.string().min(1) }),
      handle: async (f, { project }) =>
        done(experiments.rename(project, f.experiment_id, f.new_name)),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'experiments/delete',
      fields: id,
      handle: async (f, { project }) =>
        done(experiments.setStage(project, f.experiment_id, 'deleted')),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'experiments/restore',
      fields: id,
      handle: async (f, { project }) =>
        done(experiments.setStage(project, f.experiment_id, 'active')),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'experiments/set-experiment-tag',
      fields: id.extend({ key: z.string(), value: z.string() }),
      handle: async (f, { project }) => done(experiments.setTag(project, f.experiment_id, f)),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'experiments/delete-experiment-tag',
      fields: id.extend({ key: z.string() }),
      handle: async (f, { project }) =>
        done(experiments.deleteTag(project, f.experiment_id, f.key)),
    }),
  ]
}

const toWire = (row: ExperimentRow, tags: readonly TagRow[]): WireExperiment => ({
  experiment_id: String(row.experiment_id),
  name: row.name,
  artifact_location: row.artifact_location,
  lifecycle_stage: row.lifecycle_stage,
  last_update_time: row.last_update_time,
  creation_time: row.creation_time,
  ...(tags.length === 0 ? {} : { tags: [...tags] }),
})
