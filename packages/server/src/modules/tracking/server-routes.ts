import type { FastifyInstance } from 'fastify'
import { MlflowError } from './mlflow/mlflow-error.ts'
import { speakMlflow } from './mlflow/scope.ts'

/**
 * The MLflow release whose REST this module speaks. Clients compare it: from 3.4 on they send traces as OTLP, and they take
 * anything that is not a PEP 440 version for a server too old to talk to.
 */
export const MLFLOW_VERSION = '3.17.2'

/** `/health`, `/version`, what the server can do, and MLflow's own 404 for the rest of its paths. */
export function addServerRoutes(app: FastifyInstance): void {
  app.get('/health', { config: { isPublic: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send('OK')
  )
  app.get('/version', { config: { isPublic: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(MLFLOW_VERSION)
  )
  for (const prefix of ['/api', '/ajax-api']) {
    app.get(`${prefix}/3.0/mlflow/server-info`, { config: { role: 'viewer' } }, async () => ({
      store_type: 'SqlStore',
      workspaces_enabled: true,
      trace_archival_enabled: false,
      multipart_uploads_enabled: true,
      multipart_downloads_enabled: false,
    }))
    for (const version of ['2.0', '3.0'])
      for (const family of ['mlflow', 'mlflow-artifacts'])
        void app.register(
          async (scope) => {
            speakMlflow(scope)
            scope.setNotFoundHandler(async (request) => {
              throw new MlflowError(
                'ENDPOINT_NOT_FOUND',
                `No endpoint ${request.method} ${request.url.split('?')[0] ?? ''}`
              )
            })
          },
          { prefix: `${prefix}/${version}/${family}` }
        )
  }
}
