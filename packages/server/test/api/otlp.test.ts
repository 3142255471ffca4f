import { createClient } from '@trestle/sdk'
import { expect, test } from 'vitest'
import { startFakeBackend } from '../../src/modules/serving/llm/test/fake-backend.ts'
import { startTestApp } from '../support/app.ts'

test('a call of an LLM is a trace in another Trestle, under the caller’s span and over the backend’s', async () => {
  const backend = await startFakeBackend()
  const receiver = await startTestApp()
  const app = await startTestApp({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_METRICS_EXPORTER: 'none',
  })
  await createClient({ url: app.url }).serving.createEndpoint({
    name: 'chat',
    llm: { backends: [{ provider: 'openai', model: 'gpt-4o-mini', url: backend.url }] },
  })
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const ask = (flags: string) =>
    fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        traceparent: `00-${trace}-00f067aa0ba902b7-${flags}`,
        tracestate: 'vendor=1',
      },
      body: JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'Hi' }] }),
    })
  const prediction = (await ask('01')).headers.get('x-trestle-prediction-id')
  // What the caller does not sample is passed on, and not told.
  await ask('00')
  await app.stop()
  const [sampled, unsampled] = backend.calls.map(({ headers }) => headers)
  const answer = await fetch(`${receiver.url}/api/3.0/mlflow/traces/get?trace_id=tr-${trace}`)
  type Found = {
    trace: {
      spans: {
        name: string
        span_id: string
        parent_span_id: string | null
        attributes: { key: string; value: { string_value?: string; int_value?: number } }[]
      }[]
    }
  }
  const { spans } = ((await answer.json()) as Found).trace
  await receiver.stop()
  await backend.stop()

  expect(sampled?.['traceparent']).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
  expect(sampled?.['tracestate']).toBe('vendor=1')
  expect(unsampled?.['traceparent']).toMatch(/-00$/)
  expect(spans.map(({ name }) => name).toSorted()).toEqual(['chat gpt-4o-mini', 'predict chat'])
  const [call, own] = spans.toSorted((a, b) => a.name.localeCompare(b.name))
  const hex = (base64: string | null | undefined) =>
    Buffer.from(base64 ?? '', 'base64').toString('hex')
  expect(hex(own?.parent_span_id)).toBe('00f067aa0ba902b7')
  expect(call?.parent_span_id).toBe(own?.span_id)
  expect(sampled?.['traceparent']).toContain(hex(call?.span_id))
  expect(JSON.stringify(own?.attributes)).toContain(prediction)
})
