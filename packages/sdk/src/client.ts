import {
  api,
  problem,
  type Api,
  type ErrorCode,
  type RouteDef,
  type RouteGroup,
  type RouteInput,
  type RouteResult,
} from '@trestle/contract'
import { TrestleError, isErrorCode } from './errors.ts'
import { predictionAnswer, type PredictionInput, type PredictionResult } from './predict.ts'

export type ClientOptions = Readonly<{
  /** Where Trestle listens, e.g. `http://127.0.0.1:4400`. */
  url: string
  /** An API key; none is needed on loopback. */
  apiKey?: string | undefined
  /** The project that calls speak of. Unset: the key's project, else `default`. */
  project?: string | undefined
  /** Gives up on a call after this long. */
  timeoutMs?: number | undefined
  fetch?: typeof fetch | undefined
}>

type Call<R extends RouteDef> =
  object extends RouteInput<R>
    ? (input?: RouteInput<R>, options?: { signal?: AbortSignal }) => Promise<RouteResult<R>>
    : (input: RouteInput<R>, options?: { signal?: AbortSignal }) => Promise<RouteResult<R>>

type Group<G extends RouteGroup> = { readonly [K in keyof G]: Call<G[K]> }

/** Every route of the contract as a typed method: `client.identity.createKey({ name: 'ci', role: 'operator' })`. */
export type TrestleClient = { readonly [K in keyof Api]: Group<Api[K]> } & {
  readonly url: string
  /** Asks an endpoint for a prediction of one row. */
  readonly predict: (
    endpoint: string,
    input: PredictionInput,
    options?: { variant?: string; signal?: AbortSignal }
  ) => Promise<PredictionResult>
  /** Any other path, e.g. a prediction: JSON in, JSON out, failures as `TrestleError`. */
  readonly request: (outgoing: Outgoing) => Promise<unknown>
}

/** A client of one Trestle server. Makes no connection until the first call. */
export function createClient(options: ClientOptions): TrestleClient {
  const send = createSender(options)
  const groups = Object.fromEntries(
    Object.entries(api as Record<string, RouteGroup>).map(([name, group]) => [
      name,
      Object.fromEntries(
        Object.entries(group).map(([key, definition]) => [
          key,
          (input: object = {}, callOptions: { signal?: AbortSignal } = {}) =>
            call(send, definition, { input, ...callOptions }),
        ])
      ),
    ])
  )
  const predict: TrestleClient['predict'] = async (endpoint, input, { variant, signal } = {}) => {
    const answer = await send({
      method: 'POST',
      path: `/endpoints/${encodeURIComponent(endpoint)}/predict`,
      body: input,
      ...(variant === undefined ? {} : { headers: { 'x-trestle-variant': variant } }),
      ...(signal === undefined ? {} : { signal }),
    })
    return predictionAnswer.parse(answer)
  }
  return { ...groups, url: options.url, predict, request: send } as unknown as TrestleClient // built from the same table that the type is
}

/** A call of any path. */
export type Outgoing = {
  method: string
  path: string
  body?: unknown
  signal?: AbortSignal
  headers?: Record<string, string>
}

async function call(
  send: (outgoing: Outgoing) => Promise<unknown>,
  definition: RouteDef,
  given: { input: object; signal?: AbortSignal }
): Promise<unknown> {
  const rest = new Map(Object.entries(given.input))
  const path = definition.path.replaceAll(/:([A-Za-z]+)/g, (_match, key: string) => {
    const value: unknown = rest.get(key)
    rest.delete(key)
    return encodeURIComponent(String(value))
  })
  const query = new URLSearchParams()
  for (const key of Object.keys(definition.query?.shape ?? {})) {
    const value: unknown = rest.get(key)
    rest.delete(key)
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined && item !== null) query.append(key, String(item))
  }
  const search = query.size === 0 ? '' : `?${query.toString()}`
  return send({
    method: definition.method,
    path: path + search,
    ...(definition.body === undefined ? {} : { body: Object.fromEntries(rest) }),
    ...(given.signal === undefined ? {} : { signal: given.signal }),
  })
}

function createSender(options: ClientOptions): (outgoing: Outgoing) => Promise<unknown> {
  const doFetch = options.fetch ?? fetch
  const base = options.url.replace(/\/+$/, '')
  const standing: Record<string, string> = {
    ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
    ...(options.project === undefined ? {} : { 'x-trestle-project': options.project }),
  }
  return async ({ method, path, body, signal, headers }) => {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 60_000)
    const response = await doFetch(base + path, {
      method,
      headers: {
        ...standing,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    }).catch((cause: unknown) => {
      throw new TrestleError(
        { code: 'network', status: 0, detail: `${base} did not answer: ${reasonOf(cause)}` },
        { cause }
      )
    })
    const text = await response.text()
    if (!response.ok) throw toError(response, text)
    return text === '' ? {} : (JSON.parse(text) as unknown)
  }
}

function toError(response: Response, text: string): TrestleError {
  const parsed = problem.safeParse(safeJson(text))
  if (parsed.success && isErrorCode(parsed.data.code))
    return new TrestleError({ ...parsed.data, code: parsed.data.code })
  const refusal = mlflowRefusal(safeJson(text))
  if (refusal !== null) return new TrestleError({ ...refusal, status: response.status })
  const code =
    response.status === 401
      ? 'auth.unauthenticated'
      : response.status >= 500
        ? 'internal.unexpected'
        : 'request.invalid'
  return new TrestleError({
    code,
    status: response.status,
    detail: text.slice(0, 500) || response.statusText,
  })
}

const MLFLOW_CODES: Readonly<Record<string, ErrorCode>> = {
  BAD_REQUEST: 'request.malformed',
  INVALID_PARAMETER_VALUE: 'request.invalid',
  RESOURCE_ALREADY_EXISTS: 'resource.already_exists',
  RESOURCE_DOES_NOT_EXIST: 'resource.not_found',
  RESOURCE_CONFLICT: 'resource.conflict',
  ENDPOINT_NOT_FOUND: 'request.not_found',
  UNAUTHENTICATED: 'auth.unauthenticated',
  PERMISSION_DENIED: 'auth.forbidden',
}

/** Tracking routes fail in MLflow's shape, `{ error_code, message }`. */
function mlflowRefusal(body: unknown): { code: ErrorCode; detail: string } | null {
  if (typeof body !== 'object' || body === null) return null
  if (!('error_code' in body) || !('message' in body)) return null
  const code = MLFLOW_CODES[String(body.error_code)]
  return code === undefined ? null : { code, detail: String(body.message) }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? cause.cause.message : cause.message
}
