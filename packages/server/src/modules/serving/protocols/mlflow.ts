import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ERRORS } from '@trestle/contract'
import { fail } from '../../../platform/errors.ts'
import { toAppError, takeRawBodies } from '../../../platform/http/index.ts'
import type { DataPlane } from '../data-plane.ts'
import type { InferenceAnswer } from '../inference-request.ts'
import type { Fleet } from '../fleet.ts'
import { isRecord } from '../named-inputs.ts'
import { elementAt, rowsOf } from '../tensor.ts'
import { parseCsv, writeCsvRow } from './csv.ts'
import { parseExactJson } from './exact-json.ts'
import type { HostedSettings } from './hosted-settings.ts'
import { cacheHeader, readBody, toInference } from './http-request.ts'
import { onlyEndpoint } from './only-endpoint.ts'
import { rowJson, valueJson } from './row-json.ts'

/** What a scoring request holds, and whether it came as a data frame: a frame is answered by records, tensors by tensors. */
type Scoring = Readonly<{ rows: readonly unknown[]; isFrame: boolean }>

/**
 * MLflow's scoring protocol: `dataframe_split`, `dataframe_records`, `instances`, `inputs` and CSV, answered with `{"predictions": …}`; and the
 * health routes `/ping` that SageMaker asks. https://mlflow.org/docs/latest/deployment/deploy-model-locally
 */
export function addMlflowScoring(
  app: FastifyInstance,
  deps: { dataPlane: DataPlane; fleet: Fleet; maxBodyBytes: number; hosted: HostedSettings }
): void {
  const { fleet } = deps
  const score = async (request: FastifyRequest, reply: FastifyReply, endpoint: string) => {
    const body = await readBody(request, deps.maxBodyBytes)
    const { rows, isFrame } = readScoring(body, request.headers['content-type'] ?? '')
    const answer = await deps.dataPlane.infer(
      toInference(request, { endpoint, payload: { kind: 'rows', rows } })
    )
    reply.header('x-trestle-prediction-id', answer.predictionId)
    reply.header('x-trestle-variant', answer.variant)
    reply.headers(cacheHeader(answer))
    if (wantsCsv(request)) return reply.type('text/csv').send(csvOf(answer))
    reply.header('content-type', 'application/json')
    return reply.send(`{"predictions":${isFrame ? records(answer) : tensors(answer)}}`)
  }

  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(sendMlflowError)
    const predict = { config: { role: 'viewer', audit: false } } as const
    scope.post<{ Params: { endpoint: string } }>(
      '/endpoints/:endpoint/invocations',
      predict,
      (request, reply) => score(request, reply, request.params.endpoint)
    )
    // SageMaker's own callers carry no key; a multi-model endpoint names its model in a header.
    const hosted = { config: { ...predict.config, isPublic: deps.hosted.isBehindPlatform } }
    scope.post('/invocations', hosted, (request, reply) => {
      const target = request.headers['x-amzn-sagemaker-target-model']
      const endpoint =
        typeof target === 'string'
          ? target
          : onlyEndpoint(fleet, request.project, '/endpoints/<name>/invocations')
      return score(request, reply, endpoint)
    })
    scope.get('/ping', { config: { isPublic: true } }, async (_request, reply) => {
      const isReady = fleet.pending().length === 0
      return reply.status(isReady ? 200 : 503).send('\n')
    })
  })
}

/** Reads a scoring request. Throws `request.malformed` and `request.invalid`. */
export function readScoring(body: Buffer, contentType: string): Scoring {
  if (contentType.startsWith('text/csv'))
    return { rows: parseCsv(body.toString('utf8')), isFrame: true }
  return scoringOf(parseExactJson(body))
}

/** The same of a body that is read already. */
export function scoringOf(call: unknown): Scoring {
  if (!isRecord(call)) throw shapeless()
  const { dataframe_split: split, dataframe_records: frame, instances, inputs } = call
  if (isRecord(split)) return { rows: splitRows(split), isFrame: true }
  if (Array.isArray(frame)) return { rows: frame, isFrame: true }
  if (Array.isArray(instances)) return { rows: instances, isFrame: instances.some(isRecord) }
  if (isRecord(inputs)) return { rows: columnRows(inputs), isFrame: false }
  if (Array.isArray(inputs)) return { rows: inputs, isFrame: inputs.some(isRecord) }
  throw shapeless()
}

const shapeless = () =>
  fail(
    'request.invalid',
    'The request must have exactly one of dataframe_split, dataframe_records, instances and inputs'
  )

/** `{"columns": […], "data": [[…]]}` as rows; without columns, as bare lists. */
export function splitRows(split: Readonly<Record<string, unknown>>): unknown[] {
  const { columns, data } = split
  if (!Array.isArray(data)) throw fail('request.invalid', 'dataframe_split needs a list "data"')
  if (columns === undefined) return data
  if (
    !Array.isArray(columns) ||
    !columns.every((name) => typeof name === 'string' || typeof name === 'number')
  )
    throw fail('request.invalid', 'the columns of dataframe_split must be a list of names')
  return data.map((row: unknown, i) => {
    if (!Array.isArray(row) || row.length !== columns.length)
      throw fail(
        'request.invalid',
        `row ${i} of dataframe_split must have ${columns.length} values`
      )
    return Object.fromEntries(columns.map((name, j) => [String(name), row[j] as unknown]))
  })
}

/** `{"a": [1, 2], "b": [3, 4]}` as rows. */
function columnRows(inputs: Readonly<Record<string, unknown>>): unknown[] {
  const columns = Object.entries(inputs)
  const first = columns[0]?.[1]
  if (!Array.isArray(first)) return [inputs]
  if (columns.some(([, values]) => !Array.isArray(values) || values.length !== first.length))
    throw fail('request.invalid', 'every one of "inputs" must be a list of the same length')
  return first.map((_, i) =>
    Object.fromEntries(columns.map(([name, values]) => [name, (values as unknown[])[i]]))
  )
}

/** Batch transforms of SageMaker ask for lines of values. */
const wantsCsv = ({ headers }: FastifyRequest): boolean =>
  headers.accept?.startsWith('text/csv') === true

/** A line per row: the values of every output, in their order. */
function csvOf({ outputs, rows }: InferenceAnswer): string {
  const lines = Array.from({ length: rows }, (_, row) =>
    writeCsvRow(
      outputs.flatMap((tensor) => {
        const width = rowsOf(tensor) === rows ? tensor.data.length / rows : 0
        return Array.from({ length: width }, (_, i) => elementAt(tensor, row * width + i))
      })
    )
  )
  return `${lines.join('\n')}\n`
}

function records(answer: InferenceAnswer): string {
  const rows = Array.from({ length: answer.rows }, (_, row) => rowJson(answer, row))
  return `[${rows.join(',')}]`
}

const tensors = ({ outputs }: InferenceAnswer): string =>
  `{${outputs.map((tensor) => `${JSON.stringify(tensor.name)}:${valueJson(tensor, { axis: 0, from: 0 })}`).join(',')}}`

/** MLflow's error form, with our statuses. */
async function sendMlflowError(thrown: unknown, request: FastifyRequest, reply: FastifyReply) {
  const error = toAppError(thrown)
  const { status } = ERRORS[error.code]
  if (status >= 500)
    request.log.error({ err: thrown, requestId: request.id, code: error.code }, 'request failed')
  if (status === 503 || status === 429) reply.header('retry-after', '1')
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="trestle"')
  const code =
    status === 404 ? 'RESOURCE_DOES_NOT_EXIST' : status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR'
  return reply
    .status(status)
    .type('application/json')
    .send({ error_code: code, message: error.message })
}
