/** Spans and metrics of this server, read by OpenTelemetry's own protobufs (PyPI's opentelemetry-proto). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient } from '@trestle/sdk'
import { pythonWith } from '../lib/python.ts'
import { startServer } from '../lib/server.ts'
import { startProviders } from '../openai/upstream.ts'

type Value = { stringValue?: string; intValue?: string; doubleValue?: number }
type Attributes = { key: string; value: Value }[]
type Span = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attributes
}
type Point = {
  count: string
  sum: number
  bucketCounts: string[]
  explicitBounds: number[]
  attributes: Attributes
}
type Received = {
  path: string
  auth: string | null
  message: {
    resourceSpans?: { resource: { attributes: Attributes }; scopeSpans: { spans: Span[] }[] }[]
    resourceMetrics?: {
      scopeMetrics: {
        metrics: { name: string; unit: string; histogram: { dataPoints: Point[] } }[]
      }[]
    }[]
  }
}

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const python = await pythonWith(pathOf('requirements.txt'))
const receiver = spawn(python, ['-u', pathOf('receiver.py')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const lines = createInterface({ input: receiver.stdout })
const [first] = (await once(lines, 'line')) as [string]
const received: Received[] = []
lines.on('line', (line) => received.push(JSON.parse(line) as Received))

const providers = await startProviders()
const dataDir = await mkdtemp(join(tmpdir(), 'trestle-otel-'))
const server = await startServer(dataDir, {
  OTEL_EXPORTER_OTLP_ENDPOINT: (JSON.parse(first) as { url: string }).url,
  OTEL_EXPORTER_OTLP_HEADERS: 'x-team=blue%20one',
  OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  OTEL_SERVICE_NAME: 'shop',
})
const before = Date.now()
await createClient({ url: server.url }).serving.createEndpoint({
  name: 'chat',
  llm: { backends: [{ provider: 'openai', model: 'gpt-4o-mini', url: providers.url }] },
})
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const answer = await fetch(`${server.url}/v1/chat/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
  body: JSON.stringify({
    model: 'chat',
    temperature: 0.5,
    messages: [{ role: 'user', content: 'Hello' }],
  }),
})
const { usage } = (await answer.json()) as {
  usage: { prompt_tokens: number; completion_tokens: number }
}
// What waits is sent before the process ends.
await server.stop()
await new Promise((resolve) => setTimeout(resolve, 200))
receiver.kill()
providers.stop()
await rm(dataDir, { recursive: true, force: true })

const valueOf = (attributes: Attributes, key: string): string | number | undefined => {
  const value = attributes.find((one) => one.key === key)?.value
  return value?.stringValue ?? value?.doubleValue ?? value?.intValue
}
const hexOf = (base64: string | undefined): string =>
  Buffer.from(base64 ?? '', 'base64').toString('hex')
const traces = received.flatMap(({ message }) => message.resourceSpans ?? [])
const spans = traces.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
const own = spans.find(({ name }) => name === 'predict chat')
const call = spans.find(({ name }) => name === 'chat gpt-4o-mini')
const metrics = received.flatMap(({ message }) =>
  (message.resourceMetrics ?? []).flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap((scope) => scope.metrics)
  )
)
const tokens = metrics.find(({ name }) => name === 'gen_ai.client.token.usage')
const point = (type: string) =>
  tokens?.histogram.dataPoints.find(
    ({ attributes }) => valueOf(attributes, 'gen_ai.token.type') === type
  )
const startMs = Number(BigInt(own?.startTimeUnixNano ?? '0') / 1_000_000n)

const checks: [what: string, isTrue: boolean][] = [
  [
    'every message carries the headers that were set',
    received.every(({ auth }) => auth === 'blue one'),
  ],
  [
    'the service has its name',
    valueOf(traces[0]?.resource.attributes ?? [], 'service.name') === 'shop',
  ],
  [
    'the prediction is a server span in the caller’s trace',
    own?.kind === 'SPAN_KIND_SERVER' &&
      hexOf(own.traceId) === TRACE &&
      hexOf(own.parentSpanId) === '00f067aa0ba902b7',
  ],
  [
    'the call to the backend is its child, a client span',
    call?.kind === 'SPAN_KIND_CLIENT' && call.parentSpanId === own?.spanId,
  ],
  [
    'times are of now, and the end is not before the start',
    startMs >= before &&
      startMs <= Date.now() &&
      BigInt(own?.endTimeUnixNano ?? '0') >= BigInt(own?.startTimeUnixNano ?? '1'),
  ],
  [
    'operation, provider and models are named',
    call !== undefined &&
      valueOf(call.attributes, 'gen_ai.operation.name') === 'chat' &&
      valueOf(call.attributes, 'gen_ai.provider.name') === 'openai' &&
      valueOf(call.attributes, 'gen_ai.request.model') === 'gpt-4o-mini',
  ],
  [
    'settings and usage are the call’s',
    call !== undefined &&
      valueOf(call.attributes, 'gen_ai.request.temperature') === 0.5 &&
      Number(valueOf(call.attributes, 'gen_ai.usage.input_tokens')) === usage.prompt_tokens &&
      Number(valueOf(call.attributes, 'gen_ai.usage.output_tokens')) === usage.completion_tokens,
  ],
  ['its price stands beside', Number(valueOf(call?.attributes ?? [], 'trestle.cost.usd')) > 0],
  [
    'token usage is a histogram of the call',
    point('input')?.count === '1' &&
      point('input')?.sum === usage.prompt_tokens &&
      point('output')?.sum === usage.completion_tokens,
  ],
  [
    'the bounds are those of the conventions',
    point('input')?.explicitBounds.join() === Array.from({ length: 14 }, (_, i) => 4 ** i).join() &&
      point('input')?.bucketCounts.reduce((sum, n) => sum + Number(n), 0) === 1,
  ],
  [
    'the duration of the operation is in seconds',
    metrics.some(({ name, unit }) => name === 'gen_ai.client.operation.duration' && unit === 's'),
  ],
]
for (const [what, isTrue] of checks) console.log(`${isTrue ? 'ok' : 'FAILED'}: ${what}`)
const failed = checks.filter(([, isTrue]) => !isTrue).length
console.log(`${checks.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
