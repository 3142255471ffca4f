import type { FastifyInstance } from 'fastify'
import { MlflowError } from '../mlflow/mlflow-error.ts'
import { speakMlflow } from '../mlflow/scope.ts'
import { readOtlp } from './otlp.ts'
import type { Traces } from './traces.ts'

/**
 * `/v1/traces`: OpenTelemetry's exporters and MLflow's clients send spans here. `x-mlflow-experiment-id` names the experiment
 * (else `Default`), `x-mlflow-run-id` a run that the traces are linked to.
 */
export function addOtlpRoute(app: FastifyInstance, deps: { traces: Traces }): void {
  void app.register(async (scope) => {
    speakMlflow(scope)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      ['application/x-protobuf', 'application/json'],
      { parseAs: 'buffer' },
      (_request, body, done) => done(null, body)
    )
    scope.post('/v1/traces', { config: { audit: false } }, async (request, reply) => {
      const type = request.headers['content-type']?.split(';')[0]?.trim() ?? ''
      if (!Buffer.isBuffer(request.body))
        throw new MlflowError(
          'BAD_REQUEST',
          `Invalid Content-Type: ${type}. Expected: application/x-protobuf or application/json`
        )
      const isJson = type === 'application/json'
      const spans = await readOtlp(request.body, {
        isJson,
        encoding: (request.headers['content-encoding'] ?? '').toLowerCase(),
      })
      await deps.traces.export({
        project: request.project,
        experimentId: header(request.headers['x-mlflow-experiment-id']) ?? '0',
        runId: header(request.headers['x-mlflow-run-id']),
        spans,
      })
      // An empty ExportTraceServiceResponse: everything was taken.
      return isJson ? reply.send({}) : reply.type('application/x-protobuf').send(Buffer.alloc(0))
    })
  })
}

const header = (value: string | string[] | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null
