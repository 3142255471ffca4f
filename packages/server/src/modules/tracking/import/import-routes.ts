import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { bindRoutes } from '../../../platform/http/index.ts'
import type { Importer } from './importer.ts'

const { importModel: _model, importVersion: _version, ...routes } = api.importing

/** The part of `/api/import` that is tracking's; registered models are the registry's. */
export function addImportRoutes(app: FastifyInstance, importer: Importer): void {
  bindRoutes(
    app,
    { name: 'importing', routes },
    {
      importExperiment: async (given, { project }) => importer.experiment(project, given),
      importRun: async (given, { project }) => importer.run(project, given),
      importMetrics: async ({ runId, metrics }, { project }) => {
        await importer.metrics({ project, runId }, metrics)
        return {}
      },
      endRun: async ({ runId, ...given }, { project }) => {
        await importer.end({ project, runId }, given)
        return {}
      },
      countRuns: async (asked, { project }) => importer.count(project, asked),
      importLoggedModel: async (given, { project }) => {
        await importer.loggedModel(project, given)
        return {}
      },
    }
  )
}
