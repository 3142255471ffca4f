import { Pool } from 'undici'
import { RemoteFault, type RemoteTry } from './remote-client.ts'

export type HttpAnswer = Readonly<{
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Buffer
}>

/** HTTP to one model server over kept connections. */
export interface HttpClient {
  /** Any answer but a success rejects with the `RemoteFault` that its status stands for. */
  get(path: string, one: RemoteTry): Promise<HttpAnswer>
  post(path: string, body: Buffer | string, one: RemoteTry): Promise<HttpAnswer>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000
const KEEP_ALIVE_MS = 30_000
/** Raised before a byte of the request was written: the server knows nothing of it. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])
const TIMED_OUT = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

export function createHttpClient(origin: string, connections: number): HttpClient {
  const pool = new Pool(origin, {
    connections,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    pipelining: 1,
  })
  const request = async (
    call: { method: 'GET' | 'POST'; path: string; body?: Buffer | string },
    { timeoutMs, headers }: RemoteTry
  ): Promise<HttpAnswer> => {
    let answer: HttpAnswer
    try {
      const {
        statusCode,
        headers: got,
        body,
      } = await pool.request({
        ...call,
        headers,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
      })
      answer = {
        status: statusCode,
        headers: got,
        body: Buffer.from(await body.arrayBuffer()),
      }
    } catch (error) {
      throw faultOf(error, timeoutMs)
    }
    if (answer.status >= 200 && answer.status < 300) return answer
    throw new RemoteFault(kindOf(answer.status), messageIn(answer), retryAfterOf(answer))
  }
  return {
    get: (path, one) => request({ method: 'GET', path }, one),
    post: (path, body, one) => request({ method: 'POST', path, body }, one),
    close: () => pool.destroy(),
  }
}

function faultOf(error: unknown, timeoutMs: number): RemoteFault {
  const code = codeOf(error)
  if (code === 'TimeoutError' || TIMED_OUT.has(code))
    return new RemoteFault('timeout', `no answer within ${Math.round(timeoutMs)} ms`)
  const message = error instanceof Error && error.message !== '' ? error.message : code
  return new RemoteFault(UNSENT.has(code) ? 'unreachable' : 'broken', message)
}

/** A name that resolves to several addresses fails with one error for each. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  if (!(error instanceof Error)) return ''
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}

function kindOf(status: number): 'refused' | 'busy' | 'timeout' | 'failed' {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return 'refused'
    case 429:
    case 503:
      return 'busy'
    case 408:
    case 504:
      return 'timeout'
    default:
      return 'failed'
  }
}

const MAX_MESSAGE = 500

/** The message in any of the forms that model servers use; else the body's beginning. */
function messageIn({ status, body }: HttpAnswer): string {
  const text = body.subarray(0, 4_096).toString('utf8').trim()
  let message = text
  try {
    const json = JSON.parse(text) as Readonly<Record<string, unknown>> | null
    const said = json?.['error'] ?? json?.['message'] ?? json?.['detail']
    message = typeof said === 'string' ? said : text
  } catch {
    // No JSON: the text itself is what there is.
  }
  return `it answered ${status}${message === '' ? '' : `: ${message.slice(0, MAX_MESSAGE)}`}`
}

function retryAfterOf({ headers }: HttpAnswer): number | null {
  const seconds = Number(headers['retry-after'])
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null
}
