import { uploadQuery } from '@trestle/contract'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { stringify } from 'yaml'
import { z } from 'zod'
import { randomHexId } from '../../kernel/ids.ts'
import { fail } from '../../platform/errors.ts'
import { acceptAnyBody, bodyOf, MlflowError, type Tracking } from '../tracking/index.ts'
import { inOwnWords } from './native-errors.ts'
import { describeVersion } from './native-routes.ts'
import type { RegisteredModels } from './registry.ts'

const path = z.object({ name: z.string().min(1) })
const strings = z.record(z.string(), z.string())
const numbers = z.record(z.string(), z.number())
const columns = z.array(z.strictObject({ name: z.string().min(1), type: z.string().min(1) })).min(1)
const signature = z.strictObject({ inputs: columns, outputs: columns })

/**
 * `PUT /api/models/:name/versions`: the body is an ONNX file, the answer the version made from it. The model is made when there is none.
 * Metrics go to the run that is named, or to a run made for them, so that a version from a shell script has a history like any other.
 */
export function addUploadRoutes(
  app: FastifyInstance,
  deps: { models: RegisteredModels; tracking: Tracking }
): void {
  const { models, tracking } = deps
  void app.register(async (scope) => {
    acceptAnyBody(scope)
    const config = { config: { role: 'operator' as const, audit: 'registry.uploadVersion' } }
    scope.put('/api/models/:name/versions', config, async (request, reply) => {
      const { name } = parse(path, request.params)
      const query = parse(uploadQuery, request.query)
      const tags = parse(strings, readJson(query.tags, 'tags'))
      const metrics = parse(numbers, readJson(query.metrics, 'metrics'))
      const columnsOf =
        query.signature === undefined
          ? null
          : parse(signature, readJson(query.signature, 'signature'))
      const { project, principal } = request
      const version = await inOwnWords(async () => {
        await ensureModel(models, project, name)
        if (query.runId !== undefined && (await tracking.getRun(project, query.runId)) === null)
          throw fail('resource.not_found', `No run "${query.runId}"`)
        const folder = `models/${randomHexId()}`
        await tracking.writeFile(project, `${folder}/${query.file}`, bodyOf(request))
        if (columnsOf !== null)
          await tracking.writeFile(
            project,
            `${folder}/MLmodel`,
            Readable.from([mlModelOf(query.file, columnsOf)])
          )
        const runId = await tracking.recordMetrics({
          project,
          runId: query.runId ?? null,
          name: `${name} upload`,
          userId: principal.actor,
          metrics,
        })
        return models.createVersion({
          project,
          name,
          source: `mlflow-artifacts:/${folder}`,
          runId,
          modelId: null,
          runLink: '',
          description: query.description,
          tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
          featureService: query.featureService ?? null,
          by: principal.actor,
        })
      })
      return reply.status(201).send(await describeVersion(tracking, version))
    })
  })
}

/** The signature beside the file, as MLflow keeps it: the version then reads the same to MLflow's clients. */
function mlModelOf(file: string, { inputs, outputs }: z.output<typeof signature>): Buffer {
  const text = (list: z.output<typeof columns>): string =>
    JSON.stringify(list.map(({ name, type }) => ({ type, name, required: true })))
  return Buffer.from(
    stringify({
      flavors: { onnx: { data: file } },
      signature: { inputs: text(inputs), outputs: text(outputs) },
    })
  )
}

async function ensureModel(models: RegisteredModels, project: string, name: string): Promise<void> {
  try {
    await models.create({ project, name, description: null, tags: [] })
  } catch (error) {
    if (!(error instanceof MlflowError) || error.code !== 'RESOURCE_ALREADY_EXISTS') throw error
  }
}

function parse<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw fail(
    'request.invalid',
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`,
    {
      details: {
        issues: parsed.error.issues.map((i) => ({ path: i.path.join('.'), message: i.message })),
      },
    }
  )
}

function readJson(text: string | undefined, field: string): unknown {
  if (text === undefined) return {}
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw fail('request.invalid', `${field}: is not JSON`, { cause })
  }
}
