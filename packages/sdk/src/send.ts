import { problem } from '@trestle/contract'
import { isErrorCode, TrestleError } from './errors.ts'
import { mlflowRefusal } from './mlflow-refusal.ts'

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

/** A call of any path. Bytes, blobs (a file, say, which is then streamed) and streams are sent as they are, anything else as JSON. */
export type Outgoing = Readonly<{
  method: string
  path: string
  body?: unknown
  signal?: AbortSignal | undefined
  headers?: Readonly<Record<string, string>>
}>

export type Send = (outgoing: Outgoing) => Promise<unknown>

/** Sends calls to one server: failures as `TrestleError`. */
export function createSender(options: ClientOptions): {
  /** JSON in, JSON out. */
  send: Send
  /** What is answered, as it comes. */
  open: (outgoing: Outgoing) => Promise<ReadableStream<Uint8Array>>
} {
  const doFetch = options.fetch ?? fetch
  const base = options.url.replace(/\/+$/, '')
  const standing: Record<string, string> = {
    ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
    ...(options.project === undefined ? {} : { 'x-trestle-project': options.project }),
  }
  const ask = async ({ method, path, body, signal, headers }: Outgoing): Promise<Response> => {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 60_000)
    const { content, type } = encode(body)
    const response = await doFetch(base + path, {
      method,
      headers: { ...standing, ...(type === null ? {} : { 'content-type': type }), ...headers },
      ...(content === null ? {} : { body: content, ...HALF }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    }).catch((cause: unknown) => {
      throw new TrestleError(
        { code: 'network', status: 0, detail: `${base} did not answer: ${reasonOf(cause)}` },
        { cause }
      )
    })
    if (!response.ok) throw toError(response, await response.text())
    return response
  }
  return {
    async send(outgoing) {
      const text = await (await ask(outgoing)).text()
      return text === '' ? {} : (JSON.parse(text) as unknown)
    },
    async open(outgoing) {
      return (await ask(outgoing)).body ?? new Blob([]).stream()
    },
  }
}

function encode(body: unknown): {
  content: string | Uint8Array<ArrayBuffer> | Blob | ReadableStream | null
  type: string | null
} {
  if (body === undefined) return { content: null, type: null }
  if (body instanceof Blob || body instanceof ReadableStream)
    return { content: body, type: 'application/octet-stream' }
  if (body instanceof Uint8Array)
    return { content: new Uint8Array(body), type: 'application/octet-stream' }
  return { content: JSON.stringify(body, exactly), type: 'application/json' }
}

/** A stream is sent whole before the answer is read; fetch wants that said, and the DOM's types do not know it. */
const HALF: object = { duplex: 'half' }

/** Integers beyond 2^53 travel as strings of digits, which routes read for 64-bit values. */
const exactly = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value

function toError(response: Response, text: string): TrestleError {
  const json = safeJson(text)
  const parsed = problem.safeParse(json)
  if (parsed.success && isErrorCode(parsed.data.code))
    return new TrestleError({ ...parsed.data, code: parsed.data.code })
  const { status } = response
  const refusal = mlflowRefusal(json)
  if (refusal !== null) return new TrestleError({ ...refusal, status })
  const code =
    status === 401
      ? 'auth.unauthenticated'
      : status === 404
        ? 'resource.not_found'
        : status >= 500
          ? 'internal.unexpected'
          : 'request.invalid'
  return new TrestleError({ code, status, detail: text.slice(0, 500) || response.statusText })
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
