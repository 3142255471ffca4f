import { randomInt } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../../kernel/errors.ts'
import type { OtlpTarget } from './settings.ts'

/** What a receiver may mend by itself (opentelemetry.io/docs/specs/otlp, "Failures"). */
const RETRYABLE = new Set([429, 502, 503, 504])
const TRIES = 4
const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 10_000

const pack = promisify(gzip)

/** Sends one message; null when it was taken, else why not. Tries again what may pass, a few times and never for long. */
export async function post(
  target: OtlpTarget,
  body: Uint8Array,
  signal: AbortSignal
): Promise<string | null> {
  const headers = {
    'content-type': target.isJson ? 'application/json' : 'application/x-protobuf',
    ...(target.isGzip ? { 'content-encoding': 'gzip' } : {}),
    ...target.headers,
  }
  const bytes = target.isGzip ? await pack(body) : body
  let failure = ''
  for (let tried = 1; tried <= TRIES; tried++) {
    let waitMs = FIRST_WAIT_MS * 2 ** (tried - 1)
    try {
      const response = await fetch(target.url, {
        method: 'POST',
        headers,
        body: bytes,
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(target.timeoutMs)]),
      })
      await response.body?.cancel()
      if (response.ok) return null
      failure = `${target.url} answered ${response.status}`
      if (!RETRYABLE.has(response.status)) return failure
      const asked = Number(response.headers.get('retry-after') ?? Number.NaN) * 1_000
      if (asked >= 0) waitMs = Math.min(asked, MAX_WAIT_MS)
    } catch (error) {
      failure = `${target.url}: ${messageOf(error)}`
    }
    if (signal.aborted || tried === TRIES) break
    // Apart from each other, so that many processes do not come back at once.
    await sleep(waitMs / 2 + randomInt(waitMs / 2 + 1), undefined, { signal }).catch(
      () => undefined
    )
  }
  return failure
}
