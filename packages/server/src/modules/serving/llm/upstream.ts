import { Pool, type Dispatcher } from 'undici'

export type UpstreamCall = Readonly<{
  url: string
  headers: Readonly<Record<string, string>>
  body: Buffer
  timeouts: Readonly<{ firstTokenMs: number; betweenTokensMs: number; totalMs: number }>
}>

/** Why a call ended without a whole answer. */
export type UpstreamFault = Readonly<{
  kind:
    'unreachable' | 'broken' | 'first-token-timeout' | 'between-tokens-timeout' | 'total-timeout'
  message: string
}>

/** Hears of an answer piece by piece. After `end` or `fault` nothing more comes. */
export interface UpstreamListener {
  head(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void
  /** False asks to hold back: then `resume` goes on. */
  data(chunk: Buffer): boolean
  end(): void
  fault(fault: UpstreamFault): void
}

export interface UpstreamExchange {
  resume(): void
  /** Ends the call: the connection is closed, so that a backend stops working for nobody. Nothing is told any more. */
  cancel(): void
}

/** HTTP calls to backends over kept connections. */
export interface Upstream {
  send(call: UpstreamCall, listener: UpstreamListener): UpstreamExchange
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 30_000

/**
 * undici's `dispatch`: chunks arrive as they were read from the socket, with no stream objects between. Limits are our own timers, since the library
 * knows none for the first byte after the head.
 */
export function createUpstream(): Upstream {
  const pools = new Map<string, Pool>()
  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin)
    if (known !== undefined) return known
    const pool = new Pool(origin, {
      connect: { timeout: CONNECT_TIMEOUT_MS },
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
    })
    pools.set(origin, pool)
    return pool
  }
  return {
    send(call, listener) {
      const { origin, path } = splitUrl(call.url)
      return dispatch(poolOf(origin), { call, path }, listener)
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
      pools.clear()
    },
  }
}

function dispatch(
  pool: Pool,
  { call, path }: { call: UpstreamCall; path: string },
  listener: UpstreamListener
): UpstreamExchange {
  const { timeouts } = call
  let controller: Dispatcher.DispatchController | null = null
  let isOver = false
  let hasData = false
  let isPaused = false
  let hasBegun = false

  const finish = (): boolean => {
    if (isOver) return false
    isOver = true
    clearTimeout(total)
    clearTimeout(gap)
    return true
  }
  const timeOut = (kind: UpstreamFault['kind'], ms: number): void => {
    if (!finish()) return
    controller?.abort(new Error(kind))
    listener.fault({ kind, message: `no answer within ${ms} ms` })
  }
  const waitForNext = (): NodeJS.Timeout =>
    setTimeout(
      () => timeOut('between-tokens-timeout', timeouts.betweenTokensMs),
      timeouts.betweenTokensMs
    )
  const total = setTimeout(() => timeOut('total-timeout', timeouts.totalMs), timeouts.totalMs)
  let gap = setTimeout(
    () => timeOut('first-token-timeout', timeouts.firstTokenMs),
    timeouts.firstTokenMs
  )

  pool.dispatch(
    { path, method: 'POST', headers: { ...call.headers }, body: call.body },
    {
      onRequestStart(started) {
        controller = started
        hasBegun = true
        if (isOver) started.abort(new Error('cancelled'))
      },
      onResponseStart(_controller, status, headers) {
        if (!isOver && status >= 200) listener.head(status, headers)
      },
      onResponseData(current, chunk) {
        if (isOver) return
        if (hasData) gap.refresh()
        else {
          hasData = true
          clearTimeout(gap)
          gap = waitForNext()
        }
        if (listener.data(chunk)) return
        // Who waits now is the caller: the backend must not be blamed for the time.
        isPaused = true
        clearTimeout(gap)
        current.pause()
      },
      onResponseEnd() {
        if (finish()) listener.end()
      },
      onResponseError(_controller, error) {
        if (!finish()) return
        listener.fault({ kind: hasBegun ? 'broken' : 'unreachable', message: messageOf(error) })
      },
    }
  )
  return {
    resume() {
      if (!isPaused || isOver) return
      isPaused = false
      gap = waitForNext()
      controller?.resume()
    },
    cancel() {
      if (finish()) controller?.abort(new Error('cancelled'))
    },
  }
}

function splitUrl(url: string): { origin: string; path: string } {
  const pathAt = url.indexOf('/', url.indexOf('://') + 3)
  return pathAt === -1
    ? { origin: url, path: '/' }
    : { origin: url.slice(0, pathAt), path: url.slice(pathAt) }
}

/** A connection error may hold several, one an address; its own message is then empty. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError)
    return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')
  return error.message
}
