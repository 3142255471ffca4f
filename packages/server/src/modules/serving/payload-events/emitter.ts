import type { PayloadLogger } from '@trestle/contract'
import { toJsonData } from '../protocols/oip/tensor-codec.ts'
import type { Tensor } from '../tensor.ts'
import { TYPE } from './cloud-event.ts'

/** A prediction as its logger is told of it. */
export type PayloadCopy = Readonly<{
  logger: PayloadLogger
  predictionId: string
  project: string
  endpoint: string
  variant: string
  version: number
  at: number
  latencyMs: number
  inputs: readonly Tensor[]
  /** Null when it failed: then only what was asked is told. */
  outputs: readonly Tensor[] | null
}>

export type EmitterLimits = Readonly<{
  maxQueued: number
  maxQueuedBytes: number
  maxRunning: number
  timeoutMs: number
}>

export const EMITTER_LIMITS: EmitterLimits = {
  maxQueued: 1_000,
  maxQueuedBytes: 64 * 1024 * 1024,
  maxRunning: 8,
  timeoutMs: 5_000,
}

/** Sends copies of predictions to collectors. Never holds serving up: what does not fit its bounded line is dropped and counted; nothing is sent twice. */
export interface Emitter {
  offer(payload: PayloadCopy): void
  /** Sends what waits, until `signal` ends it. */
  stop(signal: AbortSignal): Promise<void>
}

export function createEmitter(deps: {
  limits: EmitterLimits
  count: (endpoint: string, outcome: 'sent' | 'failed' | 'dropped') => void
}): Emitter {
  const { limits, count } = deps
  const queue: { payload: PayloadCopy; bytes: number }[] = []
  let queuedBytes = 0
  let running = 0
  let onIdle: (() => void) | null = null

  const work = async (payload: PayloadCopy): Promise<void> => {
    for (const event of eventsOf(payload)) {
      const isSent = await send(event, limits.timeoutMs)
      count(payload.endpoint, isSent ? 'sent' : 'failed')
    }
  }
  const next = (): void => {
    while (running < limits.maxRunning) {
      const first = queue.shift()
      if (first === undefined) break
      queuedBytes -= first.bytes
      running++
      void work(first.payload).finally(() => {
        running--
        next()
      })
    }
    if (running === 0) onIdle?.()
  }

  return {
    offer(payload) {
      const bytes = [...payload.inputs, ...(payload.outputs ?? [])].reduce(
        (sum, tensor) => sum + sizeOf(tensor),
        0
      )
      if (queue.length >= limits.maxQueued || queuedBytes + bytes > limits.maxQueuedBytes) {
        count(payload.endpoint, 'dropped')
        return
      }
      queue.push({ payload, bytes })
      queuedBytes += bytes
      next()
    },
    async stop(signal) {
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve
        if (running === 0 && queue.length === 0) resolve()
      })
      const ended = new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([idle, ended])
    },
  }
}

const sizeOf = ({ data }: Tensor): number =>
  ArrayBuffer.isView(data) ? data.byteLength : data.reduce((sum, text) => sum + text.length, 0)

type Event = Readonly<{ url: string; headers: Record<string, string>; body: string }>

/** In CloudEvents' binary form, with KServe's extensions and a v2 body. */
function* eventsOf(payload: PayloadCopy): Generator<Event> {
  const { logger, predictionId, endpoint, at, latencyMs, inputs, outputs } = payload
  const event = (kind: keyof typeof TYPE, time: number, body: string): Event => ({
    url: logger.url,
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': predictionId,
      'ce-type': TYPE[kind],
      'ce-source': `/endpoints/${encodeURIComponent(endpoint)}`,
      'ce-time': new Date(time).toISOString(),
      'ce-inferenceservicename': endpoint,
      'ce-namespace': payload.project,
      'ce-component': 'predictor',
      'ce-endpoint': payload.variant,
    },
    body,
  })
  const head = `"id":${JSON.stringify(predictionId)},"model_name":${JSON.stringify(endpoint)},"model_version":"${payload.version}"`
  if (logger.mode !== 'response')
    yield event('request', at, `{${head},"inputs":[${inputs.map(tensorJson).join(',')}]}`)
  if (logger.mode !== 'request' && outputs !== null)
    yield event(
      'response',
      at + latencyMs,
      `{${head},"outputs":[${outputs.map(tensorJson).join(',')}]}`
    )
}

const tensorJson = (tensor: Tensor): string =>
  `{"name":${JSON.stringify(tensor.name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape.join(',')}],"data":${toJsonData(tensor)}}`

async function send({ url, headers, body }: Event, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
