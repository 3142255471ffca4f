import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../../../kernel/clock.ts'
import type { AppError } from '../../../../kernel/errors.ts'
import { createCircuit, type Attempt } from '../../../../platform/circuit/circuit.ts'
import { fail } from '../../../../platform/errors.ts'
import type { LoadedModel, ModelSpec, RunSettings } from '../../runtime.ts'
import { RemoteFault, type RemoteClient } from './remote-client.ts'

export type GuardSettings = Readonly<{
  /** What the model is called in errors. */
  label: string
  timeoutMs: number
  retries: number
  /** Sent with every call, such as the key. */
  headers: Readonly<Record<string, string>>
}>

/** Failures in a row after which callers are answered at once, and how often the server is asked meanwhile whether it is well again. */
const FAILURE_THRESHOLD = 5
const PROBE_EVERY_MS = 2_000
const PROBE_TIMEOUT_MS = 2_000
const FIRST_BACKOFF_MS = 50
/** Of a caller's request these go on to the server: who asked, and whose trace it is (https://www.w3.org/TR/trace-context/). */
const PASSED_ON = ['traceparent', 'tracestate', 'baggage'] as const

/**
 * A model on another server as a loaded one. While its circuit is open, it is asked in the background whether it is ready: no caller waits for
 * that. A try is repeated only when the server did not begin the first one.
 */
export function guardModel(
  deps: { client: RemoteClient; clock: Clock; spec: ModelSpec },
  settings: GuardSettings
): LoadedModel {
  const { client } = deps
  const circuit = createCircuit({
    clock: deps.clock,
    failureThreshold: FAILURE_THRESHOLD,
    openForMs: PROBE_EVERY_MS,
  })
  const probe = setInterval(() => {
    const attempt = circuit.state === 'half-open' ? circuit.tryAcquire() : null
    if (attempt === null) return
    void client
      .isReady({ timeoutMs: PROBE_TIMEOUT_MS, headers: settings.headers })
      .then((isReady) => (isReady ? attempt.succeed() : attempt.fail()))
  }, PROBE_EVERY_MS)
  probe.unref()

  const tryOnce = async (inputs: Parameters<LoadedModel['infer']>[0], run: RunSettings) => {
    const attempt = circuit.state === 'closed' ? circuit.tryAcquire() : null
    if (attempt === null)
      throw fail(
        'serving.upstream_failed',
        `${settings.label} failed ${FAILURE_THRESHOLD} times in a row; it is asked again every ${PROBE_EVERY_MS / 1000} s`
      )
    const left = run.deadline - performance.now()
    const timeoutMs = Math.max(1, Math.min(left, settings.timeoutMs))
    try {
      const outputs = await client.infer(inputs, {
        timeoutMs,
        headers: { ...settings.headers, ...headersOf(run) },
      })
      attempt.succeed()
      return outputs
    } catch (error) {
      if (!(error instanceof RemoteFault)) {
        attempt.release()
        throw error
      }
      judge(attempt, error, left < settings.timeoutMs)
      throw error
    }
  }

  return {
    spec: deps.spec,
    device: 'remote',
    isInline: false,
    async infer(inputs, run) {
      for (let tries = 0; ; tries++) {
        try {
          return await tryOnce(inputs, run)
        } catch (error) {
          if (!(error instanceof RemoteFault)) throw error
          const waitMs = error.retryAfterMs ?? FIRST_BACKOFF_MS * 2 ** tries
          const isSafe = error.kind === 'busy' || error.kind === 'unreachable'
          const hasTime = performance.now() + waitMs < run.deadline
          if (!isSafe || tries >= settings.retries || !hasTime) throw toAppError(error, settings)
          await delay(waitMs)
        }
      }
    },
    async close() {
      clearInterval(probe)
      await client.close()
    },
  }
}

/** A refusal is the caller's fault and shows that the server is well; a deadline of ours that was short says nothing of it. */
function judge(attempt: Attempt, { kind }: RemoteFault, isOurDeadline: boolean): void {
  switch (kind) {
    case 'refused':
      attempt.succeed()
      return
    case 'busy':
    case 'cancelled':
      attempt.release()
      return
    case 'timeout':
      if (isOurDeadline) attempt.release()
      else attempt.fail()
      return
    case 'failed':
    case 'unreachable':
    case 'broken':
      attempt.fail()
  }
}

function headersOf({ caller }: RunSettings): Record<string, string> {
  const headers: Record<string, string> = {}
  if (caller.requestId !== '') headers['x-request-id'] = caller.requestId
  for (const name of PASSED_ON) {
    const value = caller.header(name)
    if (value !== undefined) headers[name] = value
  }
  return headers
}

function toAppError(fault: RemoteFault, { label }: GuardSettings): AppError {
  const cause = { cause: fault }
  const message = `${label}: ${fault.message}`
  switch (fault.kind) {
    case 'refused':
      return fail('request.invalid', message, cause)
    case 'busy':
      return fail('serving.throttled', message, cause)
    case 'timeout':
      return fail('serving.upstream_timeout', message, cause)
    case 'cancelled':
      return fail('request.cancelled', message, cause)
    case 'failed':
    case 'unreachable':
    case 'broken':
      return fail('serving.upstream_failed', message, cause)
  }
}
