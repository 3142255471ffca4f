import { isRecord } from '../named-inputs.ts'
import type { BackendRequest } from './backend-request.ts'
import type { AnswerSink } from './llm-call.ts'
import { createSseCutter, readSseEvent } from './sse.ts'
import { createAnswerReader, isUsageOnly, type AnswerSoFar } from './stream-reader.ts'
import type { Upstream, UpstreamCall, UpstreamFault } from './upstream.ts'

/** How one try at one backend ended. Only after `failed` has the client got nothing, so that another may be tried. */
export type AttemptEnd =
  | { kind: 'answered'; answer: AnswerSoFar; body: Buffer | null; isError: boolean }
  | { kind: 'cut'; answer: AnswerSoFar; fault: UpstreamFault }
  | { kind: 'left'; answer: AnswerSoFar }
  | { kind: 'refused'; answer: AnswerSoFar; error: Error }
  | { kind: 'failed'; failure: AttemptFailure }

export type AttemptFailure =
  | { kind: 'fault'; fault: UpstreamFault }
  | {
      kind: 'refused'
      status: number
      body: Buffer
      retryAfterMs: number | null
      contentType: string
    }

export type AttemptHooks = Readonly<{
  onFirstByte: () => void
  /** A whole answer was read; its head has not gone out. */
  onAnswer: (answer: AnswerSoFar) => void
  /** Headers for the client beside those of the answer. */
  headers: () => Readonly<Record<string, string>>
  /** A last look at a whole answer before it goes out: masks it, or throws to refuse it. */
  finishBody: ((body: Buffer) => Buffer | Promise<Buffer>) | null
  /** An event of a stream on its way out, for masking. Throws to end the stream. */
  filterEvent: ((data: string, event: Buffer) => Buffer[]) | null
  /** Tells the client inside of a stream why it ends early. */
  errorEvent: (message: string) => Buffer
  /** Keeps what went out, for a cache; null keeps nothing. */
  keep: ((bytes: Buffer) => void) | null
}>

export type AttemptSettings = Readonly<{
  request: BackendRequest
  timeouts: UpstreamCall['timeouts']
  isStream: boolean
  onClientGone: 'cancel' | 'drain'
}>

/** After the client left, a drained answer may still take so long. */
const MAX_DRAIN_MS = 60_000
const MAX_ERROR_BYTES = 1024 * 1024

/** Sends a call to a backend and passes its answer on. Resolves when it is over; never rejects for what the backend does. */
export function attempt(
  upstream: Upstream,
  sink: AnswerSink,
  { settings, hooks }: { settings: AttemptSettings; hooks: AttemptHooks }
): Promise<AttemptEnd> {
  const { request } = settings
  return new Promise((resolve, reject) => {
    const reader = createAnswerReader()
    const cutter = createSseCutter()
    const chunks: Buffer[] = []
    let status = 0
    let head: Readonly<Record<string, string | string[] | undefined>> = {}
    let isEventStream = false
    let isSent = false
    let hasByte = false
    let isOver = false
    let drainTimer: NodeJS.Timeout | null = null

    // What an event says is read after its bytes are on their way: reading costs more than passing on, and the caller need not wait for it.
    let unread: Buffer[] = []
    const readAll = (): void => {
      const events = unread
      unread = []
      for (const event of events) reader.event(readSseEvent(event).data ?? '')
    }
    const readLater = (events: readonly Buffer[]): void => {
      if (events.length === 0) return
      if (unread.length === 0) setImmediate(readAll)
      unread.push(...events)
    }

    const end = (how: AttemptEnd): void => {
      if (isOver) return
      isOver = true
      readAll()
      if (drainTimer !== null) clearTimeout(drainTimer)
      resolve(how)
    }
    const openStream = (): void => {
      if (isSent) return
      isSent = true
      if (!sink.isGone)
        sink.head(status, {
          'content-type': textOf(head['content-type']) ?? 'text/event-stream; charset=utf-8',
          'cache-control': 'no-cache',
          ...passedHeaders(head),
          ...hooks.headers(),
        })
    }
    const pass = (bytes: Buffer): boolean => {
      hooks.keep?.(bytes)
      return sink.isGone ? true : sink.write(bytes)
    }

    /** A guardrail refused what came: nothing more goes out. */
    const refuseStream = (error: unknown): void => {
      exchange.cancel()
      const reason = error instanceof Error ? error : new Error(String(error))
      if (isSent) {
        sink.end(hooks.errorEvent(reason.message))
        end({ kind: 'refused', answer: reader.state, error: reason })
      } else {
        isOver = true
        reject(reason)
      }
    }

    /** Handles one chunk of a stream; false asks the backend to wait for the client. */
    const onStreamData = (chunk: Buffer): boolean => {
      const events = cutter.push(chunk)
      const isReadFirst = hooks.filterEvent !== null || request.relay === 'translate'
      if (!isReadFirst) readLater(events)
      const out: Buffer[] = []
      if (isReadFirst) for (const event of events) out.push(...relayed(event))
      else if (request.relay === 'strip-usage')
        for (const event of events) if (!isUsage(event)) out.push(event)
      if (!isSent) {
        // The head waits for the first whole event: a stream that begins with an error is a failure that another backend may mend.
        if (events.length === 0) {
          if (request.relay === 'raw' && !isReadFirst) chunks.push(chunk)
          return true
        }
        if (events.some((event) => event.includes('error'))) readAll()
        if (refuseEarlyError(events)) return true
        openStream()
      }
      if (request.relay === 'raw' && !isReadFirst)
        return pass(chunks.length === 0 ? chunk : Buffer.concat([...chunks.splice(0), chunk]))
      return out.length === 0
        ? true
        : pass(out.length === 1 ? (out[0] ?? EMPTY) : Buffer.concat(out))
    }

    const relayed = (event: Buffer): Buffer[] => {
      const { data } = readSseEvent(event)
      if (data === null) return request.relay === 'translate' ? [] : [event]
      reader.event(data)
      if (request.translator !== null) {
        const translated = request.translator.event(data)
        const { filterEvent } = hooks
        if (filterEvent === null) return translated
        return translated.flatMap((one) => filterEvent(readSseEvent(one).data ?? '', one))
      }
      if (request.relay === 'strip-usage' && isUsage(event)) return []
      return hooks.filterEvent === null ? [event] : hooks.filterEvent(data, event)
    }

    /** True when the stream began with an error and nothing was said yet. */
    const refuseEarlyError = (events: readonly Buffer[]): boolean => {
      const { state } = reader
      if (state.error === null || state.chars > 0) return false
      exchange.cancel()
      end({
        kind: 'failed',
        failure: {
          kind: 'refused',
          status: 502,
          body: Buffer.from(readSseEvent(events[0] ?? EMPTY).data ?? ''),
          retryAfterMs: null,
          contentType: 'application/json',
        },
      })
      return true
    }

    const finishWhole = async (): Promise<void> => {
      const raw = chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks)
      if (status >= 400) {
        end({
          kind: 'failed',
          failure: {
            kind: 'refused',
            status,
            body: raw,
            retryAfterMs: retryAfter(head),
            contentType: textOf(head['content-type']) ?? '',
          },
        })
        return
      }
      const parsed = parse(raw)
      if (parsed !== null) reader.whole(parsed)
      hooks.onAnswer(reader.state)
      let body =
        request.translator !== null && parsed !== null
          ? Buffer.from(JSON.stringify(request.translator.answer(parsed)))
          : raw
      if (hooks.finishBody !== null) {
        const finished = hooks.finishBody(body)
        body = finished instanceof Promise ? await finished : finished
      }
      hooks.keep?.(body)
      if (sink.isGone) {
        end({ kind: 'left', answer: reader.state })
        return
      }
      sink.head(status, {
        'content-type': textOf(head['content-type']) ?? 'application/json',
        'content-length': String(body.length),
        ...passedHeaders(head),
        ...hooks.headers(),
      })
      sink.end(body)
      end({ kind: 'answered', answer: reader.state, body, isError: false })
    }

    const exchange = upstream.send(
      {
        url: request.url,
        headers: request.headers,
        body: request.body,
        timeouts: settings.timeouts,
      },
      {
        head(code, headers) {
          status = code
          head = headers
          isEventStream =
            code < 400 && (textOf(headers['content-type']) ?? '').startsWith('text/event-stream')
        },
        data(chunk) {
          if (!hasByte) {
            hasByte = true
            hooks.onFirstByte()
          }
          if (isEventStream) {
            try {
              return onStreamData(chunk)
            } catch (error) {
              refuseStream(error)
              return true
            }
          }
          if (status < 400 || sizeOf(chunks) < MAX_ERROR_BYTES) chunks.push(chunk)
          return true
        },
        end() {
          if (!isEventStream) {
            finishWhole().catch((error: unknown) => {
              isOver = true
              reject(error instanceof Error ? error : new Error(String(error)))
            })
            return
          }
          const rest = cutter.rest()
          readAll()
          openStream()
          if (rest.length > 0 && request.translator === null) {
            reader.event(readSseEvent(rest).data ?? '')
            if (request.relay !== 'raw' || hooks.filterEvent !== null) pass(rest)
            else if (chunks.length > 0) pass(Buffer.concat(chunks))
          }
          for (const last of request.translator?.end() ?? []) pass(last)
          if (sink.isGone) end({ kind: 'left', answer: reader.state })
          else {
            sink.end()
            end({
              kind: 'answered',
              answer: reader.state,
              body: null,
              isError: reader.state.error !== null,
            })
          }
        },
        fault(fault) {
          if (!isSent) {
            if (sink.isGone) end({ kind: 'left', answer: reader.state })
            else end({ kind: 'failed', failure: { kind: 'fault', fault } })
            return
          }
          if (sink.isGone) {
            end({ kind: 'left', answer: reader.state })
            return
          }
          sink.end(hooks.errorEvent(`The backend broke off: ${fault.message}`))
          end({ kind: 'cut', answer: reader.state, fault })
        },
      }
    )

    sink.onDrain(() => exchange.resume())
    sink.onGone(() => {
      if (isOver) return
      if (settings.onClientGone === 'drain') {
        exchange.resume()
        drainTimer = setTimeout(() => {
          exchange.cancel()
          end({ kind: 'left', answer: reader.state })
        }, MAX_DRAIN_MS)
        return
      }
      exchange.cancel()
      end({ kind: 'left', answer: reader.state })
    })
    if (sink.isGone) {
      exchange.cancel()
      end({ kind: 'left', answer: reader.state })
    }
  })
}

const EMPTY = Buffer.alloc(0)

/** Whether an event is the one of usage alone. Nearly none is, and nearly all of those are told without reading them. */
const isUsage = (event: Buffer): boolean =>
  event.includes('"usage"') &&
  /"choices"\s*:\s*\[\s*\]/.test(event.toString('latin1')) &&
  isUsageOnly(readSseEvent(event).data ?? '')

/** Headers of a provider that its clients read. Its request id gets a name of its own beside ours. */
function passedHeaders(
  head: Readonly<Record<string, string | string[] | undefined>>
): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const [name, value] of Object.entries(head)) {
    if (typeof value !== 'string') continue
    if (name === 'x-request-id' || name === 'request-id') passed['x-upstream-request-id'] = value
    else if (name.startsWith('openai-') && name !== 'openai-organization') passed[name] = value
  }
  return passed
}

function retryAfter(head: Readonly<Record<string, string | string[] | undefined>>): number | null {
  const ms = Number(textOf(head['retry-after-ms']) ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms
  const seconds = Number(textOf(head['retry-after']) ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null
}

const textOf = (value: string | string[] | undefined): string | null =>
  typeof value === 'string' ? value : null

const sizeOf = (chunks: readonly Buffer[]): number =>
  chunks.reduce((sum, chunk) => sum + chunk.length, 0)

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}
