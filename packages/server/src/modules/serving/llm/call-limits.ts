import type { Clock } from '../../../kernel/clock.ts'
import { fail } from '../../../platform/errors.ts'

/** How much callers may ask. Null numbers are no limit. */
export type CallLimit = Readonly<{
  project: string
  name: string
  /** One API key by its id; null: each key on its own, and callers without one together. */
  apiKeyId: string | null
  endpoint: string | null
  requestsPerMinute: number | null
  tokensPerMinute: number | null
  maxConcurrent: number | null
}>

/** A place within the limits. Call `leave` once, with the tokens that were used. */
export type CallPass = Readonly<{
  /** As OpenAI's servers tell them. */
  headers: Readonly<Record<string, string>>
  leave: (usedTokens: number) => void
}>

const MINUTE_MS = 60_000

type Meter = { requests: number; tokens: number; at: number; concurrent: number }

/**
 * Keeps callers within their limits: buckets that hold a minute's worth and fill evenly, so that a caller who waited may come in a burst but never gets
 * more than twice a minute's worth in one. Tokens are taken by estimate and corrected when the call is done. Each process counts for itself.
 */
export function createCallLimits(deps: { clock: Clock; limits: () => readonly CallLimit[] }) {
  const { clock } = deps
  const meters = new Map<string, Meter>()

  const meterOf = (limit: CallLimit, caller: string, now: number): Meter => {
    const key = `${limit.project}/${limit.name}/${caller}`
    let meter = meters.get(key)
    if (meter === undefined) {
      meter = {
        requests: limit.requestsPerMinute ?? 0,
        tokens: limit.tokensPerMinute ?? 0,
        at: now,
        concurrent: 0,
      }
      meters.set(key, meter)
      // Callers that are gone must not fill the memory: a meter that is full again says nothing.
      if (meters.size > 10_000) forgetIdle(now)
    }
    const share = (now - meter.at) / MINUTE_MS
    meter.at = now
    if (limit.requestsPerMinute !== null)
      meter.requests = Math.min(
        limit.requestsPerMinute,
        meter.requests + share * limit.requestsPerMinute
      )
    if (limit.tokensPerMinute !== null)
      meter.tokens = Math.min(limit.tokensPerMinute, meter.tokens + share * limit.tokensPerMinute)
    return meter
  }

  const forgetIdle = (now: number): void => {
    for (const [key, meter] of meters)
      if (meter.concurrent === 0 && now - meter.at > MINUTE_MS) meters.delete(key)
  }

  return {
    /** Lets a call in, or throws `serving.rate_limited` with the time to wait. */
    enter(
      call: { project: string; endpoint: string; apiKeyId: string | null },
      estimatedTokens: number
    ): CallPass {
      const all = deps.limits()
      if (all.length === 0) return FREE_PASS
      const now = clock.now()
      const own = all
        .filter(
          (limit) =>
            limit.project === call.project &&
            (limit.apiKeyId === null || limit.apiKeyId === call.apiKeyId) &&
            (limit.endpoint === null || limit.endpoint === call.endpoint)
        )
        .map((limit) => ({ limit, meter: meterOf(limit, call.apiKeyId ?? '', now) }))
      if (own.length === 0) return FREE_PASS
      for (const { limit, meter } of own) refuseBeyond(limit, meter, estimatedTokens)
      for (const { limit, meter } of own) {
        meter.concurrent++
        if (limit.requestsPerMinute !== null) meter.requests--
        if (limit.tokensPerMinute !== null) meter.tokens -= estimatedTokens
      }
      let isInside = true
      return {
        headers: headersOf(own),
        leave(used) {
          if (!isInside) return
          isInside = false
          for (const { limit, meter } of own) {
            meter.concurrent--
            if (limit.tokensPerMinute !== null) meter.tokens += estimatedTokens - used
          }
        },
      }
    },
  }
}
export type CallLimits = ReturnType<typeof createCallLimits>

const FREE_PASS: CallPass = { headers: {}, leave: () => undefined }

function refuseBeyond(limit: CallLimit, meter: Meter, tokens: number): void {
  const refuse = (what: string, retryAfterMs: number): never => {
    throw fail('serving.rate_limited', `The limit "${limit.name}" of ${what} is reached`, {
      details: { limit: limit.name, retryAfterMs: Math.ceil(retryAfterMs) },
    })
  }
  if (limit.maxConcurrent !== null && meter.concurrent >= limit.maxConcurrent)
    refuse(`${limit.maxConcurrent} calls at once`, 1_000)
  if (limit.requestsPerMinute !== null && meter.requests < 1)
    refuse(
      `${limit.requestsPerMinute} calls a minute`,
      ((1 - meter.requests) / limit.requestsPerMinute) * MINUTE_MS
    )
  // A call that asks for more than a whole minute's tokens may still come alone: it empties the bucket.
  const needed = Math.min(tokens, limit.tokensPerMinute ?? 0)
  if (limit.tokensPerMinute !== null && meter.tokens < needed)
    refuse(
      `${limit.tokensPerMinute} tokens a minute`,
      ((needed - meter.tokens) / limit.tokensPerMinute) * MINUTE_MS
    )
}

/** What is left, by the tightest limit (OpenAI API reference, "Rate limits", headers). */
function headersOf(own: readonly { limit: CallLimit; meter: Meter }[]): Record<string, string> {
  const headers: Record<string, string> = {}
  const tell = (what: 'requests' | 'tokens', of: (limit: CallLimit) => number | null): void => {
    const tightest = own
      .filter(({ limit }) => of(limit) !== null)
      .toSorted((a, b) => a.meter[what] - b.meter[what])[0]
    const most = tightest === undefined ? null : of(tightest.limit)
    if (tightest === undefined || most === null) return
    const left = Math.max(0, Math.floor(tightest.meter[what]))
    headers[`x-ratelimit-limit-${what}`] = String(most)
    headers[`x-ratelimit-remaining-${what}`] = String(left)
    headers[`x-ratelimit-reset-${what}`] =
      `${Math.ceil(((most - tightest.meter[what]) / most) * MINUTE_MS)}ms`
  }
  tell('requests', (limit) => limit.requestsPerMinute)
  tell('tokens', (limit) => limit.tokensPerMinute)
  return headers
}
