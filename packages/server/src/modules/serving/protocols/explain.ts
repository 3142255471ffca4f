import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fail } from '../../../platform/errors.ts'
import { takeRawBodies } from '../../../platform/http/index.ts'
import { explainRows, type Explanation } from '../explain/explain-rows.ts'
import type { Fleet } from '../fleet.ts'
import { isRecord } from '../named-inputs.ts'
import { parseExactJson } from './exact-json.ts'
import { readBody, toInference } from './http-request.ts'
import { findModel, findServed } from './oip/model-info.ts'
import { rowsOfBody } from './plain-json.ts'

export type ExplainDeps = Readonly<{ fleet: Fleet; maxBodyBytes: number; timeoutMs: number }>

const DEFAULT_ROWS = 4_096
const MAX_ROWS = 200_000
const MAX_BACKGROUND = 1_000

/** `POST /endpoints/:endpoint/explain`: as KServe's `:explain`. */
export function addExplain(app: FastifyInstance, deps: ExplainDeps): void {
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.post<{ Params: { endpoint: string } }>(
      '/endpoints/:endpoint/explain',
      { config: { role: 'viewer', audit: false } },
      (request, reply) => explain(deps, { request, reply, endpoint: request.params.endpoint })
    )
  })
}

/**
 * `{"instances": […]}` or one row, with `parameters`: `background` rows, `output`, `index` and `max_rows`. Answered by the variant with most traffic, or
 * the one that `x-trestle-variant` names.
 */
export async function explain(
  deps: ExplainDeps,
  { request, reply, endpoint }: { request: FastifyRequest; reply: FastifyReply; endpoint: string }
): Promise<FastifyReply> {
  const begun = performance.now()
  const body = parseExactJson(await readBody(request, deps.maxBodyBytes))
  const { parameters, ...row } = isRecord(body) ? body : {}
  const { rows } = rowsOfBody(row)
  const call = toInference(request, { endpoint, payload: { kind: 'rows', rows } })
  const served = await findServed(
    deps.fleet,
    findModel(deps.fleet, request.project, endpoint),
    call.variant
  )
  const release = served.lease()
  let explanations: Explanation[]
  try {
    explanations = await explainRows(served, {
      ...readParameters(parameters),
      rows,
      deadline: begun + Math.min(call.timeoutMs ?? Infinity, deps.timeoutMs),
      caller: call,
      isGone: call.isGone,
    })
  } finally {
    release()
  }
  return reply.type('application/json').send(JSON.stringify({ explanations }))
}

function readParameters(parameters: unknown) {
  if (parameters !== undefined && !isRecord(parameters))
    throw fail('request.invalid', '"parameters" must be an object')
  const { background = [], output = null, index = null, max_rows = DEFAULT_ROWS } = parameters ?? {}
  if (!Array.isArray(background) || background.length > MAX_BACKGROUND)
    throw fail('request.invalid', `"background" must be a list of ${MAX_BACKGROUND} rows at most`)
  if (output !== null && typeof output !== 'string')
    throw fail('request.invalid', '"output" must be the name of an output')
  if (index !== null && typeof index !== 'number')
    throw fail('request.invalid', '"index" must be a number')
  if (typeof max_rows !== 'number' || !(max_rows >= 1 && max_rows <= MAX_ROWS))
    throw fail('request.invalid', `"max_rows" must be a number from 1 to ${MAX_ROWS}`)
  return { background: background as unknown[], output, index, maxRows: max_rows }
}
