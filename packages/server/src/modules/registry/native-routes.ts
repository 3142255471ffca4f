import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { bindRoutes } from '../../platform/http/index.ts'
import { decodePageToken, encodePageToken, type Cursor, type Tracking } from '../tracking/index.ts'
import { stageOf, type ModelVersionRecord } from './model-version.ts'
import { kindOf } from './history.ts'
import { inOwnWords } from './native-errors.ts'
import { toDetail, toModel, toSummary } from './native-wire.ts'
import type { RegistryReader } from './reader.ts'
import type { RegisteredModels } from './registry.ts'
import type { RegistrySearch } from './search.ts'
import type { ModelRow, RegistryStore } from './store.ts'

const LIST = 'models'

/** Trestle's own routes of the registry, for the console, the SDK and the command line. */
export function addNativeRoutes(
  app: FastifyInstance,
  deps: {
    models: RegisteredModels
    store: RegistryStore
    reader: RegistryReader
    tracking: Tracking
    search: (query: RegistrySearch) => Promise<{ rows: ModelRow[]; last: Cursor | null }>
  }
): void {
  const { models, store, reader } = deps

  const toModels = async (rows: readonly ModelRow[]) => {
    const versions = Map.groupBy(await reader.versionsOf(rows), (version) => version.name)
    return (await reader.models(rows)).map((record) =>
      toModel(record, versions.get(record.name) ?? [])
    )
  }

  bindRoutes(
    app,
    { name: 'registry', routes: api.registry },
    {
      listModels: async ({ limit, pageToken }, { project }) =>
        inOwnWords(async () => {
          const after = decodePageToken(pageToken, LIST)
          const { rows, last } = await deps.search({
            project,
            clauses: [],
            orderBy: [],
            after,
            limit,
          })
          return {
            items: await toModels(rows),
            nextPageToken: last === null ? null : encodePageToken(LIST, last),
          }
        }),
      getModel: async ({ name }, { project }) =>
        inOwnWords(async () => {
          const [model] = await toModels([await models.getModel(project, name)])
          if (model === undefined) throw new Error('A model that was found has no record')
          return model
        }),
      deleteModel: async ({ name }, { project }) =>
        inOwnWords(async () => {
          await models.remove(project, name)
          return {}
        }),
      getVersion: async ({ name, version }, { project }) =>
        inOwnWords(async () =>
          describeVersion(deps.tracking, await models.getRecord(project, name, version))
        ),
      deleteVersion: async ({ name, version }, { project, principal }) =>
        inOwnWords(async () => {
          await models.removeVersion({ project, name, version, by: principal.actor })
          return {}
        }),
      transitionStage: async ({ name, version, stage, archiveExisting }, { project, principal }) =>
        inOwnWords(async () => {
          const moved = await models.transitionStage({
            project,
            name,
            version,
            stage,
            archiveOthers: archiveExisting,
            by: principal.actor,
          })
          return { ...toSummary(moved), rollout: moved.deferral?.rolloutId ?? null }
        }),
      setAlias: async ({ name, alias, version }, { project, principal }) =>
        inOwnWords(async () => {
          const deferral = await models.setAlias({
            project,
            name,
            alias,
            version,
            by: principal.actor,
          })
          return { rollout: deferral?.rolloutId ?? null }
        }),
      deleteAlias: async ({ name, alias }, { project, principal }) =>
        inOwnWords(async () => {
          await models.setAlias({ project, name, alias, version: null, by: principal.actor })
          return {}
        }),
      listHistory: async ({ name, limit, pageToken }, { project }) =>
        inOwnWords(async () => {
          const model = await models.getModel(project, name)
          const events = await store.listEvents(model, { before: pageToken, limit })
          return {
            items: events.map((event) => ({
              id: event.event_id,
              at: event.at,
              kind: kindOf(event.kind),
              version: event.version,
              alias: event.alias,
              stage: event.stage === null ? null : stageOf(event.stage),
              by: event.by,
            })),
            nextPageToken: events.length === limit ? (events.at(-1)?.event_id ?? null) : null,
          }
        }),
    }
  )
}

/** A version with its lineage. */
export async function describeVersion(tracking: Tracking, version: ModelVersionRecord) {
  const run = version.runId === null ? null : await tracking.getRun(version.project, version.runId)
  return toDetail(version, run)
}
