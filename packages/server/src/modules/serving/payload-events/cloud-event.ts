import { z } from 'zod'
import { fail } from '../../../platform/errors.ts'
import { isRecord } from '../named-inputs.ts'
import { parseExactJson } from '../protocols/exact-json.ts'

/** One half of a prediction as KServe's inference logger tells it (pkg/logger/worker.go of kserve/kserve). */
export type PayloadEvent = Readonly<{
  /** Both halves of a prediction have the same. */
  id: string
  kind: 'request' | 'response'
  /** Epoch ms; null when it does not say. */
  time: number | null
  /** The variant that answered, by KServe's extension `endpoint`; null when it does not say. */
  variant: string | null
  data: unknown
}>

export const TYPE = {
  request: 'org.kubeflow.serving.inference.request',
  response: 'org.kubeflow.serving.inference.response',
} as const

const STRUCTURED = 'application/cloudevents+json'
const BATCH = 'application/cloudevents-batch+json'
const MAX_BATCH = 1_000

const attributes = z.object({
  id: z.string().min(1).max(250),
  type: z.enum([TYPE.request, TYPE.response]),
  specversion: z.literal('1.0'),
  time: z.iso.datetime({ offset: true }).optional(),
  endpoint: z.string().max(250).optional(),
})

type Header = (name: string) => string | undefined

/** The events of an HTTP request in CloudEvents' binary, structured or batched form (CloudEvents 1.0, HTTP binding). Throws `request.invalid`. */
export function readCloudEvents(body: Buffer, header: Header): PayloadEvent[] {
  const type = header('content-type') ?? ''
  if (type.startsWith(BATCH)) {
    const events = parseExactJson(body)
    if (!Array.isArray(events) || events.length > MAX_BATCH)
      throw fail('request.invalid', `A batch must be a list of ${MAX_BATCH} events at most`)
    return events.map(fromStructured)
  }
  if (type.startsWith(STRUCTURED)) return [fromStructured(parseExactJson(body))]
  const said = Object.fromEntries(
    Object.keys(attributes.shape).map((name) => [name, header(`ce-${name}`)])
  )
  return [toEvent(said, parseExactJson(body))]
}

function fromStructured(event: unknown): PayloadEvent {
  if (!isRecord(event)) throw fail('request.invalid', 'An event must be an object')
  const { data, data_base64: packed } = event
  if (typeof packed === 'string')
    return toEvent(event, parseExactJson(Buffer.from(packed, 'base64')))
  return toEvent(event, typeof data === 'string' ? parseExactJson(data) : data)
}

function toEvent(said: unknown, data: unknown): PayloadEvent {
  const parsed = attributes.safeParse(said)
  if (!parsed.success)
    throw fail(
      'request.invalid',
      `The event is none of an inference logger: ${z.prettifyError(parsed.error)}`
    )
  const { id, type, time, endpoint } = parsed.data
  return {
    id,
    kind: type === TYPE.request ? 'request' : 'response',
    time: time === undefined ? null : Date.parse(time),
    variant: endpoint ?? null,
    data,
  }
}
