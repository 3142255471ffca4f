import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { bindRoutes } from '../../platform/http/index.ts'
import { MlflowError, type Tracking } from '../tracking/index.ts'
import { inOwnWords } from './native-errors.ts'
import type { RegisteredModels } from './registry.ts'
import type { RegistryStore } from './store.ts'

const { importModel, importVersion } = api.importing

/** The part of `/api/import` that is the registry's. */
export function addRegistryImportRoutes(
  app: FastifyInstance,
  deps: { models: RegisteredModels; store: RegistryStore; tracking: Tracking }
): void {
  const { models, store, tracking } = deps
  bindRoutes(
    app,
    { name: 'importing', routes: { importModel, importVersion } },
    {
      importModel: async (given, { project }) =>
        inOwnWords(async () => {
          try {
            const { name, description, tags } = given
            const model = await models.create({ project, name, description, tags })
            await store.updateModel(model, {
              created_at: given.createdAt,
              updated_at: given.updatedAt,
            })
          } catch (error) {
            if (!(error instanceof MlflowError) || error.code !== 'RESOURCE_ALREADY_EXISTS')
              throw error
          }
          return {}
        }),
      importVersion: async (given, { project, principal }) =>
        inOwnWords(async () => {
          const { name, version, stage, createdAt, updatedAt } = given
          const model = await models.getModel(project, name)
          const known = await store.findVersion(model, version)
          if (known !== undefined) {
            const record = await models.getRecord(project, name, version)
            return { isNew: false, status: record.status, files: record.files.length }
          }
          // A run or logged model that was not brought along is no reason to lose the version.
          const run = given.runId === null ? null : await tracking.getRun(project, given.runId)
          const logged =
            given.modelId === null ? null : await tracking.getLoggedModel(project, given.modelId)
          const record = await models.createVersion({
            project,
            name,
            source: given.source,
            runId: run === null ? null : given.runId,
            modelId: logged === null ? null : given.modelId,
            runLink: given.runLink,
            description: given.description,
            tags: given.tags,
            featureService: null,
            by: given.userId === '' ? principal.actor : given.userId,
            as: { version, stage, createdAt, updatedAt },
          })
          return { isNew: true, status: record.status, files: record.files.length }
        }),
    }
  )
}
