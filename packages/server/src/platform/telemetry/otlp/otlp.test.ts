import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { createManualClock } from '../../../kernel/clock.ts'
import { silentLogger } from '../logger.ts'
import {
  createOtlp,
  otlpEnvironment,
  otlpSettings,
  writeTraceparent,
  type FinishedSpan,
} from './index.ts'
import { parseTraceparent } from './trace-context.ts'

const settingsOf = (env: Record<string, string>) =>
  otlpSettings(z.object(otlpEnvironment).parse(env))

type Answer = (response: ServerResponse) => void
type Seen = { headers: IncomingMessage['headers']; spans: number; json: unknown }
const toStop: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of toStop.splice(0)) await stop()
})

async function startReceiver(answers: Answer[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const json = JSON.parse(Buffer.concat(chunks).toString()) as {
        resourceSpans?: { scopeSpans: { spans: unknown[] }[] }[]
      }
      const spans = json.resourceSpans?.[0]?.scopeSpans[0]?.spans.length ?? 0
      seen.push({ headers: request.headers, spans, json })
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? status(200)
      answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  toStop.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(code, headers).end()

function open(env: Record<string, string>) {
  const settings = settingsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...env })
  if (settings === null) throw new Error('nothing is set')
  const metrics = new Registry()
  const otlp = createOtlp({
    settings,
    version: '1.2.3',
    clock: createManualClock(1_000),
    log: silentLogger(),
    metrics,
  })
  const outcomes = async () =>
    Object.fromEntries(
      (await metrics.getMetricsAsJSON()).flatMap(({ values }) =>
        values.map(({ labels, value }) => [String(labels['outcome']), value] as const)
      )
    )
  return {
    ...otlp.telemetry,
    stop: (signal = new AbortController().signal) => otlp.stop(signal),
    outcomes,
  }
}

const spanOf = (telemetry: ReturnType<typeof open>): FinishedSpan => ({
  context: telemetry.begin(undefined, undefined),
  name: 'predict fraud',
  kind: 'server',
  startMs: 1_795_459_210_948.25,
  endMs: 1_795_459_210_950.5,
  attributes: { text: 'a', whole: 3, part: 0.5, is: true, list: ['x', 'y'], absent: null },
  error: null,
})

test('a traceparent is read back as it was written, and nothing else is one', () => {
  const hex = (digits: number) =>
    fc
      .array(fc.constantFrom(...'0123456789abcdef'.split('')), {
        minLength: digits,
        maxLength: digits,
      })
      .map((all) => all.join(''))
      .filter((id) => /[1-9a-f]/.test(id))
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, isSampled) => {
      const context = { traceId, spanId, isSampled }
      expect(parseTraceparent(writeTraceparent(context))).toEqual(context)
    })
  )
  // Examples of the specification (w3.org/TR/trace-context, 3.2.2 and 4.2).
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const [id, none] = ['00f067aa0ba902b7', '0'.repeat(16)]
  expect(parseTraceparent(`cc-${traceId}-${id}-01-what-comes-later`)?.spanId).toBe(id)
  for (const wrong of [
    `ff-${traceId}-${id}-01`,
    `00-${traceId}-${id}-01-more`,
    `00-${'0'.repeat(32)}-${id}-01`,
    `00-${traceId}-${none}-01`,
    `00-${traceId.toUpperCase()}-${id}-01`,
    undefined,
  ])
    expect(parseTraceparent(wrong)).toBeNull()
})

test('variables of one signal stand before the common ones, and empty ones say nothing', () => {
  expect(settingsOf({})).toBeNull()
  expect(
    settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' })
  ).toBeNull()
  const settings = settingsOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/base/',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:9/as/it/is',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=1,b=two%20words',
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'b=3',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '50',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=x,team=blue',
    OTEL_SERVICE_NAME: 'shop',
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })
  expect(settings).toMatchObject({
    traces: { url: 'http://t:9/as/it/is', headers: { a: '1', b: 'two words' }, timeoutMs: 50 },
    metrics: {
      url: 'http://c:4318/base/v1/metrics',
      headers: { a: '1', b: '3' },
      timeoutMs: 10_000,
      isGzip: true,
    },
    sampledShare: 0.25,
    isParentBased: false,
    resource: { 'service.name': 'shop', team: 'blue' },
  })
  const parse = (env: Record<string, string>) =>
    z.object(otlpEnvironment).safeParse(env).error?.message
  expect(parse({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toContain('gRPC is not spoken')
  expect(parse({ OTEL_EXPORTER_OTLP_HEADERS: 'novalue' })).toContain('key=value')
})

test('who comes with a trace decides whether it is kept; of the others, the share that was asked for', () => {
  const telemetry = open({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
  expect(telemetry.begin(`${parent}-01`, 'a=b')).toMatchObject({
    isSampled: true,
    state: 'a=b',
    parentSpanId: '00f067aa0ba902b7',
  })
  expect(telemetry.begin(`${parent}-00`, undefined).isSampled).toBe(false)
  let kept = 0
  for (let i = 0; i < 4_000; i++) if (telemetry.begin(undefined, undefined).isSampled) kept++
  // 9 standard deviations of a binomial around 1,000.
  expect(Math.abs(kept - 1_000)).toBeLessThan(250)
})

test('a receiver that is busy gets a message again, and one that refuses does not', async () => {
  const { url, seen } = await startReceiver([
    status(503, { 'retry-after': '0' }),
    status(200),
    status(400),
  ])
  const telemetry = open({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret',
  })
  telemetry.span(spanOf(telemetry))
  await telemetry.stop()
  expect(seen.map(({ spans }) => spans)).toEqual([1, 1])
  expect(seen[0]?.headers['x-key']).toBe('secret')
  expect(JSON.stringify(seen[1]?.json)).toContain('"startTimeUnixNano":"1795459210948250000"')
  telemetry.span(spanOf(telemetry))
  await telemetry.stop()
  expect(seen).toHaveLength(3)
  expect(await telemetry.outcomes()).toEqual({ sent: 1, failed: 1 })
})

test('a receiver that never answers holds a bounded number of spans, and the rest is counted as dropped', async () => {
  const { url, seen } = await startReceiver([() => undefined])
  const telemetry = open({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_TIMEOUT: '20',
  })
  for (let i = 0; i < 5_000; i++) telemetry.span(spanOf(telemetry))
  expect(await telemetry.outcomes()).toEqual({ dropped: 5_000 - 4_096 })
  const hurry = new AbortController()
  hurry.abort()
  await telemetry.stop(hurry.signal)
  expect(seen.every(({ spans }) => spans === 256)).toBe(true)
  expect(await telemetry.outcomes()).toEqual({ dropped: 904, failed: 4_096 })
})

test('histograms count into the bounds they were given, and no number of labels grows without end', async () => {
  const { url, seen } = await startReceiver([status(200)])
  const telemetry = open({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: url })
  const definition = { name: 'h', description: '', unit: 's', bounds: [1, 2] }
  for (const value of [0.5, 1, 1.5, 9]) telemetry.record(definition, value, { of: 'one' })
  for (let i = 0; i < 3_000; i++) telemetry.record(definition, 1, { i })
  await telemetry.stop()
  const [message] = seen.map(({ json }) => JSON.stringify(json))
  expect(message).toContain(
    '"count":"4","sum":12,"min":0.5,"max":9,"bucketCounts":["2","1","1"],"explicitBounds":[1,2]'
  )
  expect(message).toContain(
    '"count":"1001","sum":1001,"min":1,"max":1,"bucketCounts":["1001","0","0"],"explicitBounds":[1,2],"attributes":[{"key":"otel.metric.overflow","value":{"boolValue":true}}]'
  )
})
