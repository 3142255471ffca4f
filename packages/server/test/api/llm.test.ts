import { randomUUID } from 'node:crypto'
import { createClient } from '@trestle/sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { InferenceCompleted } from '../../src/modules/serving/index.ts'
import {
  completion,
  hangUp,
  json,
  silence,
  startFakeBackend,
  stream,
  type FakeBackend,
} from '../../src/modules/serving/llm/test/fake-backend.ts'
import { recorded } from '../../src/modules/serving/llm/test/recorded.ts'
import { startTestApp } from '../support/app.ts'

const SECRET = 'sk-a-key-that-nobody-may-see'
let backend: FakeBackend
let other: FakeBackend
let app: Awaited<ReturnType<typeof startTestApp>>
const events: InferenceCompleted[] = []
const client = () => createClient({ url: app.url })

beforeAll(async () => {
  backend = await startFakeBackend()
  other = await startFakeBackend()
  app = await startTestApp({ LLM_TEST: SECRET }, { onCompleted: (event) => events.push(event) })
  await client().serving.createEndpoint({
    name: 'chat',
    llm: {
      backends: [
        { provider: 'openai', model: 'gpt-4o-mini', url: backend.url, keyEnv: 'LLM_TEST' },
      ],
      retries: 0,
    },
  })
  await client().serving.createEndpoint({
    name: 'claude',
    llm: {
      backends: [
        { provider: 'anthropic', model: 'claude-sonnet-4-5', url: backend.url, keyEnv: 'LLM_TEST' },
      ],
    },
  })
  await client().serving.createEndpoint({
    name: 'two',
    llm: {
      backends: [
        { name: 'a', model: 'small', url: backend.url, contextTokens: 1_000 },
        { name: 'b', model: 'large', url: other.url, contextTokens: 100_000 },
      ],
      timeouts: { firstTokenMs: 300, betweenTokensMs: 300, totalMs: 2_000 },
    },
  })
})
afterAll(async () => {
  await app.stop()
  await backend.stop()
  await other.stop()
})
beforeEach(() => {
  backend.answerWith(json(completion('Hello.')))
  backend.calls.length = 0
  other.calls.length = 0
})

let lastId = ''
const post = (
  path: string,
  body: unknown,
  { headers = {}, signal }: { headers?: Record<string, string>; signal?: AbortSignal } = {}
) => {
  lastId = randomUUID()
  return fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': lastId, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  })
}

/** What was told of the newest call: first the live answer, then its shadows. */
async function told(count = 1): Promise<InferenceCompleted[]> {
  const own = () =>
    events
      .filter(({ requestId }) => requestId === lastId)
      .toSorted((a, b) => a.role.localeCompare(b.role))
  const isTold = () => own().length >= count && own()[0]?.role === 'live'
  for (let i = 0; i < 1_000 && !isTold(); i++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  if (!isTold()) throw new Error('the call was never told of')
  return own()
}

const ask = { model: 'chat', messages: [{ role: 'user', content: 'Hi' }] }

describe('a chat completion', () => {
  test('reaches the backend with its own model and key, and every unknown field as it was', async () => {
    backend.answerWith(json(completion('Hello.'), 200, { 'openai-processing-ms': '7' }))
    const body =
      '{"model":"chat", "messages":[{"role":"user","content":"Hi"}],"seed":12345678901234567890,"x_new":{"a":[1]}}'
    const response = await post('/v1/chat/completions', body)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual(completion('Hello.'))
    expect(response.headers.get('x-trestle-variant')).toBe('gpt-4o-mini')
    expect(response.headers.get('openai-processing-ms')).toBe('7')
    expect(response.headers.get('x-request-id')).toBe(lastId)
    expect(backend.calls[0]?.path).toBe('/v1/chat/completions')
    expect(backend.calls[0]?.text).toBe(body.replace('"chat"', '"gpt-4o-mini"'))
    expect(backend.calls[0]?.headers.authorization).toBe(`Bearer ${SECRET}`)
  })

  test('is told of as a prediction of its variant, with tokens in buckets', async () => {
    backend.answerWith(json(completion('Hello.')))
    await post('/openai/v1/chat/completions', ask, { headers: { 'x-trestle-tag': 'acme' } })
    const [event] = await told()
    expect(event).toMatchObject({
      endpoint: 'chat',
      variant: 'gpt-4o-mini',
      model: { name: 'gpt-4o-mini', version: 1 },
      status: 'ok',
      rows: 1,
      inputs: [{ name: 'prompt', values: ['Hi'] }],
      llm: {
        status: 'measured',
        provider: 'openai',
        model: 'gpt-4o-mini',
        usage: { input: 12, output: 3 },
        tag: 'acme',
      },
    })
    expect(event?.outputs.slice(0, 2)).toMatchObject([
      { name: 'finish_reason', values: ['stop'] },
      { name: 'text', values: ['Hello.'] },
    ])
    expect(JSON.stringify(event)).not.toContain(SECRET)
  })

  test('without usage it is counted, and marked as estimated', async () => {
    backend.answerWith(json(completion('Hello there, friend.', null)))
    await post('/v1/chat/completions', ask)
    const [event] = await told()
    expect(event?.llm).toMatchObject({ status: 'estimated', usage: { input: 1, output: 5 } })
  })
})

describe('a stream', () => {
  test('passes byte for byte when the client asked for usage itself', async () => {
    const whole = recorded('openai-chat')
    backend.answerWith(stream([whole.subarray(0, 777), whole.subarray(777)], 5))
    const response = await post('/v1/chat/completions', {
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(Buffer.from(await response.arrayBuffer()).equals(whole)).toBe(true)
    expect((await told())[0]?.llm).toMatchObject({
      status: 'measured',
      usage: { input: 96, cache_read: 1152, output: 10 },
      isStream: true,
    })
  })

  test('asks for usage when the client did not, and keeps that event to itself', async () => {
    const whole = recorded('openai-chat')
    backend.answerWith(stream([whole]))
    const response = await post('/v1/chat/completions', { ...ask, stream: true })
    const text = await response.text()
    expect(text).not.toContain('"choices":[]')
    expect(text).toContain('data: [DONE]')
    expect(backend.calls[0]?.body['stream_options']).toEqual({ include_usage: true })
    expect((await told())[0]?.llm?.usage).toEqual({ input: 96, cache_read: 1152, output: 10 })
  })

  test('from a backend that tells no usage is estimated from its words', async () => {
    backend.answerWith(stream([recorded('openai-chat-no-usage')]))
    await (await post('/v1/chat/completions', { ...ask, stream: true })).text()
    const [event] = await told()
    expect(event?.llm?.status).toBe('estimated')
    expect(event?.llm?.usage.output).toBeGreaterThan(8)
  })

  test('that the client leaves cancels the backend and bills what had come', async () => {
    const events = recorded('openai-chat-no-usage')
      .toString()
      .split(/(?<=\n\n)/)
    backend.answerWith(stream(events, 30))
    const leaving = new AbortController()
    const response = await post(
      '/v1/chat/completions',
      { ...ask, stream: true },
      { signal: leaving.signal }
    )
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.read()
    leaving.abort()
    const [event] = await told()
    expect(event).toMatchObject({ status: 'rejected', errorCode: 'request.cancelled' })
    expect(event?.llm?.status).toBe('partial')
    expect(event?.llm?.usage.input).toBe(1)
    expect(event?.llm?.usage.output).toBeGreaterThan(0)
    expect(backend.calls[0]?.isCut()).toBe(true)
  })

  test('that breaks in the middle ends with an error event', async () => {
    const [first = ''] = recorded('openai-chat')
      .toString()
      .split(/(?<=\n\n)/)
    backend.answerWith(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(first)
      await new Promise((resolve) => setTimeout(resolve, 50))
      response.socket?.destroy()
    })
    const text = await (await post('/v1/chat/completions', { ...ask, stream: true })).text()
    expect(text.startsWith(first)).toBe(true)
    expect(text).toContain('"error":{"message":"The backend broke off')
    expect((await told())[0]).toMatchObject({ status: 'error', llm: { status: 'partial' } })
  })
})

describe('errors have the shape of OpenAI', () => {
  test.each([
    ['no such endpoint', { ...ask, model: 'none' }, 404, 'model_not_found'],
    ['no model', { messages: [] }, 400, 'request.invalid'],
    ['no JSON', '{"model":', 400, 'request.malformed'],
    ['no object', '[]', 400, 'request.invalid'],
  ])('%s', async (_name, body, status, code) => {
    const response = await post('/v1/chat/completions', body)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({
      error: { message: expect.any(String), type: expect.any(String), code },
    })
  })

  test('what the backend refuses for the caller’s fault comes back in its own words', async () => {
    const refusal = {
      error: {
        message: 'temperature must be below 2',
        type: 'invalid_request_error',
        param: 'temperature',
        code: null,
      },
    }
    backend.answerWith(json(refusal, 400))
    const response = await post('/v1/chat/completions', { ...ask, temperature: 9 })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual(refusal)
    expect((await told())[0]).toMatchObject({ status: 'rejected' })
  })

  test('a key that the backend refuses is our fault, and is not shown', async () => {
    backend.answerWith(json({ error: { message: `Incorrect API key ${SECRET}` } }, 401))
    const response = await post('/v1/chat/completions', ask)
    expect(response.status).toBe(502)
    expect(await response.text()).not.toContain(SECRET)
  })
})

describe('with two backends', () => {
  const two = { ...ask, model: 'two' }

  test.each([
    ['a server error', json({ error: { message: 'out of memory' } }, 500)],
    ['a full backend', json({ error: { message: 'slow down' } }, 429, { 'retry-after': '0' })],
    ['a broken connection', hangUp],
  ])('%s goes to the next', async (_name, failure) => {
    backend.answerWith(failure)
    other.answerWith(json(completion('From the other.')))
    const response = await post('/v1/chat/completions', two)
    expect(response.status).toBe(200)
    expect(response.headers.get('x-trestle-backend')).toBe('b')
    expect(response.headers.get('x-trestle-attempts')).toBe('2')
    expect(other.calls[0]?.body['model']).toBe('large')
  })

  test('a stream whose first byte does not come goes to the next; the client sees one clean stream', async () => {
    backend.answerWith(silence)
    other.answerWith(stream([recorded('openai-chat')]))
    const response = await post('/v1/chat/completions', { ...two, stream: true })
    expect(response.headers.get('x-trestle-backend')).toBe('b')
    expect(await response.text()).toContain('[DONE]')
    expect((await told())[0]?.llm).toMatchObject({ backend: 'b', attempts: 2 })
  })

  test('a prompt that is too long for one goes to the one with more context', async () => {
    backend.answerWith(
      json({ error: { message: 'too long', code: 'context_length_exceeded' } }, 400)
    )
    other.answerWith(json(completion('Fits here.')))
    const response = await post('/v1/chat/completions', two)
    expect(response.headers.get('x-trestle-backend')).toBe('b')
  })

  test('a stream that stops between two tokens is ended', async () => {
    const [first = ''] = recorded('openai-chat')
      .toString()
      .split(/(?<=\n\n)/)
    const stall = (response: Parameters<typeof silence>[0]) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(first)
    }
    backend.answerWith(stall)
    other.answerWith(stall)
    const begun = Date.now()
    const text = await (await post('/v1/chat/completions', { ...two, stream: true })).text()
    expect(text).toContain('no answer within 300 ms')
    expect(Date.now() - begun).toBeLessThan(2_000)
  })
})

describe('Anthropic', () => {
  test('its own clients get its own stream, byte for byte', async () => {
    const whole = recorded('anthropic-messages')
    backend.answerWith(stream([whole]))
    const response = await post(
      '/v1/messages',
      {
        model: 'claude',
        max_tokens: 100,
        messages: [{ role: 'user', content: 'Hi' }],
        stream: true,
      },
      { headers: { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'x-2026' } }
    )
    expect(Buffer.from(await response.arrayBuffer()).equals(whole)).toBe(true)
    expect(backend.calls[0]).toMatchObject({
      path: '/v1/messages',
      headers: { 'x-api-key': SECRET, 'anthropic-beta': 'x-2026' },
    })
    expect((await told())[0]?.llm?.usage).toEqual({
      input: 338,
      cache_read: 500,
      cache_write_1h: 20,
      output: 65,
    })
  })

  test('OpenAI’s clients get chat chunks from it, usage included', async () => {
    backend.answerWith(stream([recorded('anthropic-messages')]))
    const response = await post('/v1/chat/completions', {
      ...ask,
      model: 'claude',
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = (await response.text())
      .split('\n\n')
      .filter((line) => line.startsWith('data: {'))
      .map(
        (line) =>
          JSON.parse(line.slice(6)) as {
            choices: { delta: { content?: string }; finish_reason: string | null }[]
            usage?: object
          }
      )
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(
      'Grüße aus 東京! Zeile\nzwei 🚀 \u2028 end.'
    )
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('tool_calls')
    expect(chunks.at(-1)?.usage).toMatchObject({
      prompt_tokens: 858,
      completion_tokens: 65,
      prompt_tokens_details: { cached_tokens: 500 },
    })
  })

  test('its clients get messages from an OpenAI backend', async () => {
    backend.answerWith(json(completion('Hello.')))
    const response = await post('/v1/messages', {
      model: 'chat',
      max_tokens: 100,
      system: 'Be brief.',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    })
    expect(await response.json()).toMatchObject({
      type: 'message',
      content: [{ type: 'text', text: 'Hello.' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 12, output_tokens: 3 },
    })
    expect(backend.calls[0]?.body).toMatchObject({
      model: 'gpt-4o-mini',
      max_completion_tokens: 100,
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
    })
  })

  test('errors have its shape', async () => {
    const response = await post('/v1/messages', { model: 'none', messages: [] })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'not_found_error' },
    })
  })
})

test('an LLM variant is canaried, shadowed and listed like any other', async () => {
  const variant = await client().serving.addVariant({
    endpoint: 'chat',
    variant: 'nano',
    llm: {
      backends: [{ provider: 'openai', model: 'gpt-4.1-nano', url: other.url, keyEnv: null }],
    },
  })
  expect(variant).toMatchObject({
    name: 'nano',
    state: 'ready',
    model: { name: 'gpt-4.1-nano', version: 1 },
  })
  await client().serving.setTraffic({
    endpoint: 'chat',
    weights: [{ variant: 'gpt-4o-mini', basisPoints: 10_000 }],
    shadows: [{ variant: 'nano', share: 1 }],
  })
  backend.answerWith(json(completion('Live.')))
  other.answerWith(json(completion('Shadow.')))
  expect(await (await post('/v1/chat/completions', ask)).json()).toEqual(completion('Live.'))
  const [live, shadow] = await told(2)
  expect(shadow).toMatchObject({ role: 'shadow', variant: 'nano', pairedWith: live?.predictionId })
  const forced = await post('/v1/chat/completions', { ...ask, model: 'chat@nano' })
  expect(await forced.json()).toEqual(completion('Shadow.'))

  const models = (await (await fetch(`${app.url}/v1/models`)).json()) as { data: { id: string }[] }
  expect(models.data.map(({ id }) => id)).toEqual(expect.arrayContaining(['chat', 'claude', 'two']))
  expect((await fetch(`${app.url}/v1/models/none`)).status).toBe(404)
  expect(JSON.stringify(await client().serving.listEndpoints())).not.toContain(SECRET)
  await client().serving.setTraffic({
    endpoint: 'chat',
    weights: [{ variant: 'gpt-4o-mini', basisPoints: 10_000 }],
  })
})

test('an endpoint whose key is not in the environment is refused, and no other secret can be named', async () => {
  const withKey = (keyEnv: string) =>
    client().serving.createEndpoint({
      name: 'x',
      llm: { backends: [{ model: 'm', url: backend.url, keyEnv }] },
    })
  await expect(withKey('LLM_NOT_THERE')).rejects.toThrow('no LLM_NOT_THERE')
  await expect(withKey('TRESTLE_ADMIN_KEY')).rejects.toThrow('must end in _API_KEY')
  await expect(withKey('DATABASE_URL')).rejects.toThrow('must end in _API_KEY')
})

test('an LLM endpoint asked for a plain prediction says where to go', async () => {
  await expect(client().predict('chat', { x: 1 })).rejects.toThrow('/v1/chat/completions')
})

test('a megabyte without a space is counted without holding up others', async () => {
  backend.answerWith(json(completion('ok', null)))
  const hostile = post('/v1/chat/completions', {
    model: 'chat',
    messages: [{ role: 'user', content: 'a'.repeat(1024 * 1024) }],
  })
  await hostile
  let slowest = 0
  for (let i = 0; i < 20; i++) {
    const begun = performance.now()
    await (await fetch(`${app.url}/v1/models`)).text()
    slowest = Math.max(slowest, performance.now() - begun)
  }
  expect(slowest).toBeLessThan(500)
  const [event] = await told()
  expect(event?.llm?.status).toBe('estimated')
  expect(event?.llm?.usage.input).toBeGreaterThan(100_000)
})

describe('a budget with a hard stop', () => {
  const budget = { name: 'llm-day', tag: 'tight', period: 'day', hardStop: true } as const
  const tight = { headers: { 'x-trestle-tag': 'tight' } }
  const priced = { ...ask, max_tokens: 1_000 }
  afterEach(() => client().costs.deleteBudget({ name: budget.name }))

  test('refuses an LLM call that could pass it, in the shape of OpenAI, and tells clients not to try again', async () => {
    // gpt-4o-mini: 1,000 tokens out are $0.0006.
    await client().costs.putBudget({ ...budget, usd: '0.0005' })
    const response = await post('/v1/chat/completions', priced, tight)
    expect(response.status).toBe(429)
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({
      error: {
        type: 'insufficient_quota',
        code: 'insufficient_quota',
        message: expect.stringContaining('llm-day'),
      },
    })
    expect(backend.calls).toHaveLength(0)
    expect((await told())[0]).toMatchObject({
      status: 'rejected',
      errorCode: 'costs.budget_exceeded',
      llm: null,
    })

    expect((await post('/v1/chat/completions', priced)).status).toBe(200)
    await client().costs.putBudget({ ...budget, usd: '0.001' })
    const paid = await post('/v1/chat/completions', priced, tight)
    expect(paid.status).toBe(200)
    // 12 in at $0.15 and 3 out at $0.60 a million.
    expect(paid.headers.get('x-trestle-cost-usd')).toBe('0.0000036')
  })

  test('a model without a price is refused under it, and served without it', async () => {
    await client().serving.createEndpoint({
      name: 'unpriced',
      llm: { backends: [{ provider: 'acme', model: 'nobody-knows', url: backend.url }] },
    })
    await client().costs.putBudget({ ...budget, usd: '100' })
    const refused = await post('/v1/chat/completions', { ...priced, model: 'unpriced' }, tight)
    expect(refused.status).toBe(429)
    expect(await refused.text()).toContain('has no price')
    expect((await post('/v1/chat/completions', { ...priced, model: 'unpriced' })).status).toBe(200)
    await client().costs.putLlmPrice({
      provider: 'acme',
      model: 'nobody-knows',
      prices: { input: '0.000001', output: '0.000002' },
      source: 'their web page, November 2026',
    })
    expect(
      (await post('/v1/chat/completions', { ...priced, model: 'unpriced' }, tight)).status
    ).toBe(200)
  })
})

test('the cost of LLM calls is reported by tag, to the last digit, and LiteLLM’s prices are imported as they are', async () => {
  await (await post('/v1/chat/completions', ask, { headers: { 'x-trestle-tag': 'report' } })).text()
  await told()
  const row = async () => {
    for (let i = 0; i < 100; i++) {
      const { rows } = await client().costs.getCostReport({ groupBy: 'tag' })
      const own = rows.find(({ group }) => group['tag'] === 'report')
      if (own !== undefined) return own
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error('never booked')
  }
  expect(await row()).toMatchObject({
    requests: 1,
    inputTokens: 12,
    outputTokens: 3,
    directUsd: '0.0000036',
    status: 'measured',
  })
  const imported = await client().costs.importLlmPrices({
    format: 'litellm',
    source: 'LiteLLM, November 2026',
    prices: {
      sample_spec: { input_cost_per_token: 0 },
      'acme/tiny': {
        litellm_provider: 'acme',
        mode: 'chat',
        input_cost_per_token: 1e-9,
        output_cost_per_token: 2.5e-9,
      },
      painter: { litellm_provider: 'acme', mode: 'image_generation' },
    },
  })
  expect(imported).toMatchObject({ imported: 1, skipped: 1 })
  const { items } = await client().costs.listLlmPrices({ search: 'acme:tiny' })
  expect(items).toMatchObject([
    {
      model: 'tiny',
      prices: { input: '1e-9', output: '2.5e-9' },
      source: 'LiteLLM, November 2026',
    },
  ])
})

test('FOCUS rows add up to the ledger, as CSV and as Parquet, and Prometheus has the tokens', async () => {
  const csv = await (await fetch(`${app.url}/api/costs/focus`)).text()
  const [header = '', ...lines] = csv.trim().split('\r\n')
  const column = header.split(',').indexOf('BilledCost')
  const subcategory = header.split(',').indexOf('ServiceSubcategory')
  const tokens = lines
    .map((line) => line.split(','))
    .filter((fields) => fields[subcategory] === 'Generative AI')
    .reduce((sum, fields) => sum + BigInt(Math.round(Number(fields[column]) * 1e12)), 0n)
  const { bill } = await client().costs.getCostReport({ from: 0 })
  expect(tokens).toBe(BigInt(Math.round(Number(bill.tokensUsd) * 1e12)))
  expect(csv).toContain('Cached Input Tokens of gpt-4o-mini')
  const parquet = await (await fetch(`${app.url}/api/costs/focus?format=parquet`)).arrayBuffer()
  expect(Buffer.from(parquet).subarray(0, 4).toString()).toBe('PAR1')
  expect((await fetch(`${app.url}/api/costs/focus?format=xml`)).status).toBe(400)
  const metrics = await (await fetch(`${app.url}/metrics`)).text()
  expect(metrics).toMatch(
    /trestle_llm_tokens_total\{endpoint="chat",variant="gpt-4o-mini",meter="cache_read"\} \d+/
  )
  expect(metrics).toMatch(/trestle_llm_cost_usd_total\{endpoint="chat"/)
})
