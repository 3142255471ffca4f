import { z } from 'zod'
import {
  checkMaxResults,
  decodePageToken,
  done,
  encodePageToken,
  MAX,
  mlflowRoute,
  MODEL_VERSIONS,
  parseFilter,
  parseOrderBy,
  type Cursor,
  type MlflowRoute,
} from '../tracking/index.ts'
import { searchFields, versionNumber } from './mlflow-fields.ts'
import { toWireVersion } from './mlflow-wire.ts'
import type { RegistryReader } from './reader.ts'
import type { RegisteredModels } from './registry.ts'
import type { RegistrySearch } from './search.ts'
import type { RegistryStore, VersionRow } from './store.ts'

const version = z.object({ name: z.string(), version: versionNumber })
const boolean = z.preprocess((v) => (v === 'true' ? true : v === 'false' ? false : v), z.boolean())

const ORDERABLE = {
  ...MODEL_VERSIONS,
  strings: { name: 'name' },
  numbers: {
    version_number: 'version_number',
    creation_timestamp: 'creation_timestamp',
    last_updated_timestamp: 'last_updated_timestamp',
  },
}

export function versionRoutes(deps: {
  models: RegisteredModels
  store: RegistryStore
  reader: RegistryReader
  search: (query: RegistrySearch) => Promise<{ rows: VersionRow[]; last: Cursor | null }>
}): MlflowRoute[] {
  const { models, store, reader } = deps
  return [
    mlflowRoute({
      method: 'POST',
      path: 'model-versions/create',
      fields: z.object({
        name: z.string(),
        source: z.string(),
        run_id: z.string().optional(),
        model_id: z.string().optional(),
        run_link: z.string().default(''),
        description: z.string().default(''),
        tags: z.array(z.object({ key: z.string(), value: z.string() })).default([]),
      }),
      handle: async (f, { project, actor }) => {
        const record = await models.createVersion({
          project,
          name: f.name,
          source: f.source,
          runId: f.run_id === undefined || f.run_id === '' ? null : f.run_id,
          modelId: f.model_id === undefined || f.model_id === '' ? null : f.model_id,
          runLink: f.run_link,
          description: f.description,
          tags: f.tags,
          featureService: f.tags.find((tag) => tag.key === FEATURE_SERVICE_TAG)?.value ?? null,
          by: actor,
        })
        return { model_version: toWireVersion(record) }
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'model-versions/get',
      fields: version,
      handle: async (f, { project }) => ({
        model_version: toWireVersion(await models.getRecord(project, f.name, f.version)),
      }),
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'model-versions/update',
      fields: version.extend({ description: z.string().default('') }),
      handle: async (f, { project }) => {
        await models.describe(await models.getVersion(project, f.name, f.version), f.description)
        return { model_version: toWireVersion(await models.getRecord(project, f.name, f.version)) }
      },
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'model-versions/delete',
      fields: version,
      handle: async (f, { project, actor }) =>
        done(models.removeVersion({ project, name: f.name, version: f.version, by: actor })),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'model-versions/transition-stage',
      fields: version.extend({
        stage: z.string(),
        archive_existing_versions: boolean.default(false),
      }),
      handle: async (f, { project, actor }) => ({
        model_version: toWireVersion(
          await models.transitionStage({
            project,
            name: f.name,
            version: f.version,
            stage: f.stage,
            archiveOthers: f.archive_existing_versions,
            by: actor,
          })
        ),
      }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'model-versions/get-download-uri',
      fields: version,
      handle: async (f, { project }) => ({
        artifact_uri: (await models.getVersion(project, f.name, f.version)).storage_uri,
      }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'model-versions/search',
      fields: searchFields,
      handle: async (f, { project }) => {
        const query = JSON.stringify([f.filter, f.order_by])
        const { rows, last } = await deps.search({
          project,
          clauses: parseFilter(f.filter, MODEL_VERSIONS),
          orderBy: parseOrderBy(f.order_by, ORDERABLE),
          after: decodePageToken(f.page_token, query),
          limit: checkMaxResults(f.max_results, { byDefault: 10_000, most: MAX.searchVersions }),
        })
        const records = await reader.versions(rows, { withFiles: false })
        return {
          ...(records.length === 0 ? {} : { model_versions: records.map(toWireVersion) }),
          ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
        }
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'model-versions/set-tag',
      fields: version.extend({ key: z.string(), value: z.string() }),
      handle: async (f, { project }) =>
        done(
          models.setVersionTag(await models.getVersion(project, f.name, f.version), {
            key: f.key,
            value: f.value,
          })
        ),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'model-versions/delete-tag',
      fields: version.extend({ key: z.string() }),
      handle: async (f, { project }) =>
        done(store.deleteVersionTag(await models.getVersion(project, f.name, f.version), f.key)),
    }),
  ]
}

/** The tag by which a client binds a version to the feature service that it was trained on. */
export const FEATURE_SERVICE_TAG = 'trestle.feature_service'
