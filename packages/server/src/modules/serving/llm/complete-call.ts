import type { BusyShares } from '../../../kernel/busy-share.ts'
import { AppError, messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import type { TraceContext } from '../../../platform/telemetry/otlp/index.ts'
import { isRecord } from '../named-inputs.ts'
import { attempt, type AttemptEnd, type AttemptFailure } from './attempt.ts'
import type { Backend, LocalModel } from './backend.ts'
import type { LocalAddress, LocalModels } from './local/local-models.ts'
import { toBackendRequest } from './backend-request.ts'
import type { BackendLease, BackendSlot } from './backend-pool.ts'
import type { AnswerSink, Dialect, LlmCall } from './llm-call.ts'
import type { LlmVariant } from './llm-variant.ts'
import type { KeySource, LlmAccounts } from './ports.ts'
import type { AnswerSoFar } from './stream-reader.ts'
import { readUsage } from './token-usage.ts'
import type { Upstream } from './upstream.ts'

/** How a call ended, for whoever books it. `answer` is null when no backend began one. */
export type CallOutcome = Readonly<{
  error: Error | null
  answer: AnswerSoFar | null
  backend: Backend | null
  firstTokenMs: number | null
  attempts: number
  /** Its share of the time of the backends that are billed by it. */
  busyMs: number
  /** Whether it ended before the answer did: the caller left, or the backend broke. */
  isCut: boolean
  /** Where it came from, when no backend was asked. */
  cache: 'exact' | 'semantic' | null
  /** Whether a guardrail kept the answer from the caller. */
  isRefused?: boolean
}>

type CallDeps = Readonly<{
  upstream: Upstream
  keys: KeySource
  accounts: LlmAccounts
  /** Shares of the time of backends, by their address. */
  busy: BusyShares
  localModels: LocalModels
}>

type Context = Readonly<{
  call: LlmCall
  llm: LlmVariant
  sink: AnswerSink
  dialect: Dialect
  predictionId: string
  /** The place of the call in a trace, told to the backend; null passes on what the caller said. */
  trace: TraceContext | null
  variant: string
  /** Headers of whoever let the call in: what is left of its limits. */
  headers: Readonly<Record<string, string>>
  /** Keeps what goes out, for a cache. */
  keep: ((bytes: Buffer) => void) | null
}>

/**
 * Makes a call at the best backend, and on failure at the next best: as long as nothing was sent to the client, tries and the retry budget are left.
 * A prompt that is too long for one goes to one with more context. What the caller did wrong is not tried again.
 */
export async function completeCall(deps: CallDeps, context: Context): Promise<CallOutcome> {
  const { llm, sink } = context
  const { spec, pool } = llm
  const begun = performance.now()
  const tried = new Set<BackendSlot>()
  let moreContextThan: number | undefined
  let failure: AttemptFailure | null = null
  let failedAt: Backend | null = null
  let attempts = 0
  let busyMs = 0
  llm.retries.earn()

  for (;;) {
    if (attempts > 0 && (attempts > spec.retries || !llm.retries.spend())) break
    const lease = pool.acquire(tried, moreContextThan === undefined ? {} : { moreContextThan })
    if (lease === null) break
    attempts++
    tried.add(lease.slot)
    const { backend } = lease.slot
    let firstTokenMs: number | null = null
    const onFirstByte = (): void => {
      firstTokenMs = performance.now() - begun
    }
    const leave = backend.billing === 'time' ? deps.busy.enter(backend.url) : null
    // A model that runs here keeps all its threads busy; a server elsewhere is one unit.
    const units = backend.local?.threads ?? 1
    const ended = await tryBackend(deps, context, { lease, attempts, onFirstByte }).finally(() => {
      busyMs += (leave?.() ?? 0) * units
    })
    if (ended.kind !== 'failed')
      return {
        error: errorOf(ended),
        answer: ended.answer,
        backend,
        firstTokenMs,
        attempts,
        busyMs,
        isCut: ended.kind !== 'answered',
        cache: null,
      }
    failure = ended.failure
    failedAt = backend
    if (isContextFailure(failure)) {
      if (backend.contextTokens === null) break
      moreContextThan = backend.contextTokens
    } else if (!mayTryAgain(failure)) break
    if (sink.isGone) break
  }
  const error =
    failure === null
      ? fail('serving.overloaded', troubleOf(llm), {
          details: { retryAfterMs: pool.retryAfterMs() },
        })
      : toError(failure, failedAt)
  return {
    error,
    answer: null,
    backend: failedAt,
    firstTokenMs: null,
    attempts,
    busyMs,
    isCut: false,
    cache: null,
  }

  function errorOf(ended: Exclude<AttemptEnd, { kind: 'failed' }>): Error | null {
    switch (ended.kind) {
      case 'answered':
        return ended.isError
          ? fail('serving.upstream_failed', ended.answer.error ?? 'the stream told of an error')
          : null
      case 'left':
        return fail('request.cancelled', 'The caller left before the answer was complete')
      case 'refused':
        return ended.error
      case 'cut':
        return fail('serving.upstream_failed', ended.fault.message)
    }
  }
}

async function tryBackend(
  deps: CallDeps,
  context: Context,
  at: { lease: BackendLease; attempts: number; onFirstByte: () => void }
): Promise<AttemptEnd> {
  const { call, llm, sink, dialect } = context
  const { lease } = at
  const { backend } = lease.slot
  const { spec } = llm
  const begun = performance.now()
  let answer: AnswerSoFar | null = null
  try {
    const secret = backend.keyEnv === null ? null : deps.keys(backend.keyEnv)
    if (backend.keyEnv !== null && secret === null)
      throw fail('serving.upstream_failed', `The server's environment has no ${backend.keyEnv}`)
    const local = backend.local === null ? null : await reach(deps.localModels, backend.local)
    if (local?.kind === 'failed') {
      lease.done({ kind: 'failed' })
      return local
    }
    const request = toBackendRequest(
      call,
      local === null ? backend : { ...backend, url: local.url },
      { secret: local?.secret ?? secret, trace: context.trace }
    )
    const mask = llm.guardrails?.maskStream?.() ?? null
    const ended = await attempt(deps.upstream, sink, {
      settings: {
        request,
        // An answer that is not a stream has its first byte when it is done.
        timeouts: call.isStream
          ? spec.timeouts
          : { ...spec.timeouts, firstTokenMs: spec.timeouts.totalMs },
        isStream: call.isStream,
        onClientGone: spec.onClientGone,
      },
      hooks: {
        onFirstByte: () => {
          lease.firstByte(performance.now() - begun)
          at.onFirstByte()
        },
        headers: () => ({
          'x-trestle-prediction-id': context.predictionId,
          'x-trestle-variant': context.variant,
          'x-trestle-backend': backend.name,
          'x-trestle-attempts': String(at.attempts),
          ...context.headers,
          ...costHeader(deps.accounts, backend, answer),
        }),
        finishBody: llm.guardrails?.finishBody ?? null,
        filterEvent: mask === null ? null : (data, event) => mask.event(data, event),
        errorEvent: dialect.errorEvent,
        keep: context.keep,
        onAnswer: (read) => {
          answer = read
        },
      },
    })
    lease.done(verdictOf(ended))
    return ended
  } catch (error) {
    lease.done({ kind: 'neutral' })
    throw error
  }
}

/** A model of ours that does not come up is a failure like any other: another backend may stand in. */
async function reach(
  models: LocalModels,
  local: LocalModel
): Promise<({ kind: 'reached' } & LocalAddress) | Extract<AttemptEnd, { kind: 'failed' }>> {
  try {
    return { kind: 'reached', ...(await models.reach(local)) }
  } catch (error) {
    return {
      kind: 'failed',
      failure: { kind: 'fault', fault: { kind: 'unreachable', message: messageOf(error) } },
    }
  }
}

/** What an answer cost, when it is known before the head goes out. */
function costHeader(
  accounts: LlmAccounts,
  backend: Backend,
  answer: AnswerSoFar | null
): Record<string, string> {
  const usage = answer?.usage == null ? null : readUsage(answer.usage)
  if (usage === null) return {}
  const usd = accounts.priceOf({ backend, usage, serviceTier: answer?.serviceTier ?? null })
  return usd === null ? {} : { 'x-trestle-cost-usd': usd }
}

const DEFAULT_THROTTLE_MS = 1_000
const MAX_THROTTLE_MS = 60_000

function verdictOf(ended: AttemptEnd): Parameters<BackendLease['done']>[0] {
  switch (ended.kind) {
    case 'answered':
      return { kind: 'ok' }
    case 'left':
    case 'refused':
      return { kind: 'neutral' }
    case 'cut':
      return { kind: 'failed' }
    case 'failed': {
      const { failure } = ended
      if (failure.kind === 'fault') return { kind: 'failed' }
      if (failure.status === 429)
        return {
          kind: 'throttled',
          retryAfterMs: Math.min(failure.retryAfterMs ?? DEFAULT_THROTTLE_MS, MAX_THROTTLE_MS),
        }
      return { kind: failure.status >= 500 ? 'failed' : 'ok' }
    }
  }
}

/** Whether another backend, or the same a moment later, may do better. A key that is refused is our fault there, not the caller's. */
function mayTryAgain(failure: AttemptFailure): boolean {
  if (failure.kind === 'fault') return failure.fault.kind !== 'total-timeout'
  return failure.status >= 500 || [401, 403, 404, 408, 409, 429].includes(failure.status)
}

const CONTEXT =
  /context_length_exceeded|context length|context window|maximum context|prompt is too long/i

const isContextFailure = (failure: AttemptFailure): boolean =>
  failure.kind === 'refused' &&
  (failure.status === 400 || failure.status === 413 || failure.status === 422) &&
  CONTEXT.test(failure.body.toString('utf8', 0, 4_096))

/** A refusal of a backend for what the caller sent, which the caller is told in the backend's own words. */
export class UpstreamRefusal extends AppError {
  readonly status: number
  readonly body: Buffer
  readonly contentType: string

  constructor(refusal: { status: number; body: Buffer; contentType: string }) {
    super('request.invalid', refusalText(refusal.body))
    this.status = refusal.status
    this.body = refusal.body
    this.contentType = refusal.contentType
  }
}

function toError(failure: AttemptFailure, backend: Backend | null): Error {
  const name = backend?.name ?? 'the backend'
  if (failure.kind === 'fault') {
    const { kind, message } = failure.fault
    const isTimeout = kind.endsWith('timeout')
    return fail(
      isTimeout ? 'serving.upstream_timeout' : 'serving.upstream_failed',
      isTimeout ? `${name} gave ${message}` : `${name} can't be reached or broke off`,
      { cause: new Error(message) }
    )
  }
  const { status, body } = failure
  if (status === 401 || status === 403)
    return fail('serving.upstream_failed', `${name} refused the server's key (${status})`)
  if (status === 429)
    return fail('serving.throttled', `${name} takes no more calls now: ${refusalText(body)}`, {
      details: { retryAfterMs: failure.retryAfterMs ?? DEFAULT_THROTTLE_MS },
    })
  if (status >= 500)
    return fail('serving.upstream_failed', `${name} failed (${status}): ${refusalText(body)}`)
  return new UpstreamRefusal(failure)
}

function refusalText(body: Buffer): string {
  const text = body.toString('utf8', 0, 2_000)
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isRecord(parsed)) return text
    const { error } = parsed
    if (isRecord(error) && typeof error['message'] === 'string') return error['message']
    const message = error ?? parsed['message'] ?? parsed['detail']
    return typeof message === 'string' ? message : text
  } catch {
    return text
  }
}

function troubleOf({ pool }: LlmVariant): string {
  const troubles = pool.slots.map(({ backend, trouble }) => `${backend.name}: ${trouble ?? 'busy'}`)
  return `No backend can take the call (${troubles.join('; ')})`
}
