import { z } from 'zod'
import {
  checkMaxResults,
  decodePageToken,
  done,
  encodePageToken,
  invalidParameter,
  MAX,
  mlflowRoute,
  parseFilter,
  parseOrderBy,
  REGISTERED_MODELS,
  type MlflowRoute,
} from '../tracking/index.ts'
import { checkAlias } from './limits.ts'
import { latestByStage, toWireModel, toWireVersion } from './mlflow-wire.ts'
import { stageOf } from './model-version.ts'
import type { RegistryReader } from './reader.ts'
import type { RegisteredModels } from './registry.ts'
import type { RegistrySearch } from './search.ts'
import type { ModelRow, RegistryStore } from './store.ts'
import type { Cursor } from '../tracking/index.ts'
import { listField, searchFields, versionNumber } from './mlflow-fields.ts'

const name = z.object({ name: z.string() })
const tags = z.array(z.object({ key: z.string(), value: z.string() })).default([])

const ORDERABLE = {
  ...REGISTERED_MODELS,
  numbers: {
    creation_timestamp: 'creation_timestamp',
    last_updated_timestamp: 'last_updated_timestamp',
    timestamp: 'last_updated_timestamp',
  },
}

export function modelRoutes(deps: {
  models: RegisteredModels
  store: RegistryStore
  reader: RegistryReader
  search: (query: RegistrySearch) => Promise<{ rows: ModelRow[]; last: Cursor | null }>
}): MlflowRoute[] {
  const { models, store, reader } = deps

  const toWire = async (rows: readonly ModelRow[]): Promise<object[]> => {
    const records = await reader.models(rows)
    const versions = Map.groupBy(await reader.versionsOf(rows), (version) => version.name)
    return records.map((record) => toWireModel(record, versions.get(record.name) ?? []))
  }
  const answer = async (row: ModelRow) => ({ registered_model: (await toWire([row]))[0] ?? {} })

  return [
    mlflowRoute({
      method: 'POST',
      path: 'registered-models/create',
      fields: name.extend({ tags, description: z.string().optional() }),
      handle: async (f, { project }) =>
        answer(
          await models.create({
            project,
            name: f.name,
            description: f.description ?? null,
            tags: f.tags,
          })
        ),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'registered-models/get',
      fields: name,
      handle: async (f, { project }) => answer(await models.getModel(project, f.name)),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'registered-models/rename',
      fields: name.extend({ new_name: z.string() }),
      handle: async (f, { project }) =>
        answer(await models.update(project, f.name, { name: f.new_name })),
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'registered-models/update',
      fields: name.extend({ description: z.string().default('') }),
      handle: async (f, { project }) =>
        answer(await models.update(project, f.name, { description: f.description })),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'registered-models/delete',
      fields: name,
      handle: async (f, { project }) => done(models.remove(project, f.name)),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'registered-models/search',
      fields: searchFields,
      handle: async (f, { project }) => {
        const query = JSON.stringify([f.filter, f.order_by])
        const { rows, last } = await deps.search({
          project,
          clauses: parseFilter(f.filter, REGISTERED_MODELS),
          orderBy: parseOrderBy(f.order_by, ORDERABLE),
          after: decodePageToken(f.page_token, query),
          limit: checkMaxResults(f.max_results, { byDefault: 100, most: MAX.searchModels }),
        })
        return {
          ...(rows.length === 0 ? {} : { registered_models: await toWire(rows) }),
          ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
        }
      },
    }),
    ...(['GET', 'POST'] as const).map((method) =>
      mlflowRoute({
        method,
        path: 'registered-models/get-latest-versions',
        fields: name.extend({ stages: listField }),
        isRead: true,
        handle: async (f, { project }) => {
          const wanted = f.stages.map((text) => {
            const stage = stageOf(text)
            if (stage === null)
              throw invalidParameter(
                `Invalid Model Version stage: ${text}. Value must be one of None, Staging, Production, Archived.`
              )
            return stage
          })
          const model = await models.getModel(project, f.name)
          const latest = latestByStage(await reader.versionsOf([model])).filter(
            (version) => wanted.length === 0 || wanted.includes(version.stage)
          )
          return latest.length === 0 ? {} : { model_versions: latest.map(toWireVersion) }
        },
      })
    ),
    mlflowRoute({
      method: 'POST',
      path: 'registered-models/set-tag',
      fields: name.extend({ key: z.string(), value: z.string() }),
      handle: async (f, { project }) =>
        done(
          models.setModelTag(await models.getModel(project, f.name), { key: f.key, value: f.value })
        ),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'registered-models/delete-tag',
      fields: name.extend({ key: z.string() }),
      handle: async (f, { project }) =>
        done(store.deleteModelTag(await models.getModel(project, f.name), f.key)),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'registered-models/alias',
      fields: name.extend({ alias: z.string() }),
      handle: async (f, { project }) => {
        checkAlias(f.alias)
        return { model_version: toWireVersion(await models.findByAlias(project, f.name, f.alias)) }
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'registered-models/alias',
      fields: name.extend({ alias: z.string(), version: versionNumber }),
      handle: async (f, { project, actor }) =>
        done(
          models.setAlias({ project, name: f.name, alias: f.alias, version: f.version, by: actor })
        ),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'registered-models/alias',
      fields: name.extend({ alias: z.string() }),
      handle: async (f, { project, actor }) =>
        done(models.setAlias({ project, name: f.name, alias: f.alias, version: null, by: actor })),
    }),
  ]
}
