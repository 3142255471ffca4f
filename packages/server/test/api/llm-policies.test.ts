import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { InferenceCompleted } from '../../src/modules/serving/index.ts'
import {
  completion,
  json,
  startFakeBackend,
  stream,
  type FakeBackend,
} from '../../src/modules/serving/llm/test/fake-backend.ts'
import { recorded } from '../../src/modules/serving/llm/test/recorded.ts'
import { startTestApp } from '../support/app.ts'

let backend: FakeBackend
let app: Awaited<ReturnType<typeof startTestApp>>
const events: InferenceCompleted[] = []
const client = () => createClient({ url: app.url })

beforeAll(async () => {
  backend = await startFakeBackend()
  app = await startTestApp({}, { onCompleted: (event) => events.push(event) })
})
afterAll(async () => {
  await app.stop()
  await backend.stop()
})
beforeEach(() => {
  backend.calls.length = 0
  events.length = 0
  backend.answerWith(json(completion('Hello.')))
})

type Spec = NonNullable<
  Parameters<ReturnType<typeof client>['serving']['createEndpoint']>[0]['llm']
>
const make = (name: string, spec: Partial<Spec>) =>
  client().serving.createEndpoint({
    name,
    llm: {
      backends: [{ provider: 'openai', model: 'gpt-4o-mini', url: backend.url, keyEnv: null }],
      ...spec,
    },
  })
const post = (body: object, headers: Record<string, string> = {}) =>
  fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const say = (model: string, content: string, more: object = {}) => ({
  model,
  messages: [{ role: 'user', content }],
  ...more,
})
const waitFor = async (is: () => boolean): Promise<void> => {
  for (let i = 0; i < 300 && !is(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(is()).toBe(true)
}

describe('the cache', () => {
  test('answers the same question again without a backend, whole and streamed, and costs nothing', async () => {
    await make('cached', { cache: { ttlSeconds: 60 } })
    const first = await post(say('cached', 'Hi', { temperature: 0, top_p: 1 }))
    expect(first.headers.get('x-trestle-cache')).toBe('miss')
    const again = await post({ top_p: 1, ...say('cached', 'Hi', { temperature: 0 }) })
    expect(again.headers.get('x-trestle-cache')).toBe('hit')
    expect(await again.json()).toEqual(await first.json())
    expect(backend.calls).toHaveLength(1)
    const own = () => events.filter(({ endpoint }) => endpoint === 'cached')
    await waitFor(() => own().length === 2)
    expect(own().map(({ llm }) => [llm?.cache, llm?.usage, llm?.savedUsage])).toEqual([
      [null, { input: 12, output: 3 }, null],
      ['exact', {}, { input: 12, output: 3 }],
    ])

    backend.answerWith(stream([recorded('openai-chat')]))
    const ask = say('cached', 'Hi', { stream: true })
    const streamed = await (await post(ask)).text()
    expect(await (await post(ask)).text()).toBe(streamed)
    expect(backend.calls).toHaveLength(2)
  })

  test('never crosses projects, customers or variants, and keeps no error', async () => {
    await make('private', { cache: { ttlSeconds: 60 } })
    const asked = say('private', 'my secret')
    await post(asked, { 'x-trestle-tag': 'acme' })
    expect((await post(asked, { 'x-trestle-tag': 'acme' })).headers.get('x-trestle-cache')).toBe(
      'hit'
    )
    expect((await post(asked, { 'x-trestle-tag': 'other' })).headers.get('x-trestle-cache')).toBe(
      'miss'
    )
    expect((await post(asked)).headers.get('x-trestle-cache')).toBe('miss')
    expect(
      (await post(asked, { 'cache-control': 'no-cache' })).headers.get('x-trestle-cache')
    ).toBe('miss')
    await client().identity.createProject({ name: 'tenant', description: '' })
    const tenant = createClient({ url: app.url, project: 'tenant' })
    await tenant.serving.createEndpoint({
      name: 'private',
      llm: {
        backends: [{ model: 'gpt-4o-mini', url: backend.url, keyEnv: null }],
        cache: { ttlSeconds: 60 },
      },
    })
    expect(
      (await post(asked, { 'x-trestle-project': 'tenant' })).headers.get('x-trestle-cache')
    ).toBe('miss')
    backend.answerWith(json({ error: { message: 'no' } }, 400), json(completion('Yes.')))
    expect((await post(say('private', 'fails first'))).status).toBe(400)
    expect((await post(say('private', 'fails first'))).status).toBe(200)
  })

  test('by meaning: a question that is near enough gets the same answer, one that is not does not', async () => {
    await make('embedder', {})
    await make('semantic', {
      cache: { ttlSeconds: 60, semantic: { endpoint: 'embedder', threshold: 0.9 } },
    })
    const vectors: Record<string, number[]> = {
      'How tall is the tower?': [1, 0.1, 0],
      'What is the height of the tower?': [1, 0.2, 0],
      'Who built it?': [0, 0.1, 1],
    }
    backend.answerWith((response, call) => {
      const input = call.body['input']
      const body =
        typeof input === 'string'
          ? {
              object: 'list',
              data: [{ index: 0, embedding: vectors[input] }],
              usage: { prompt_tokens: 5, total_tokens: 5 },
            }
          : completion('330 m.')
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
    const cacheOf = async (question: string, more: object = {}) =>
      (await post(say('semantic', question, more))).headers.get('x-trestle-cache')
    expect(await cacheOf('How tall is the tower?')).toBe('miss')
    expect(await cacheOf('What is the height of the tower?')).toBe('hit-semantic')
    expect(await cacheOf('Who built it?')).toBe('miss')
    expect(await cacheOf('What is the height of the tower?', { temperature: 1 })).toBe('miss')
  })
})

describe('guardrails', () => {
  test('personal data is masked on its way in and out, and the log never sees it', async () => {
    await make('masked', { guardrails: [{ kind: 'pii' }] })
    backend.answerWith(json(completion('Write to bob@mail.example.org.')))
    const response = await post(say('masked', 'I am ada@mail.example.org'))
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: 'Write to [EMAIL].' } }],
    })
    expect(backend.calls[0]?.body['messages']).toEqual([{ role: 'user', content: 'I am [EMAIL]' }])
    const own = () => events.find(({ endpoint }) => endpoint === 'masked')
    await waitFor(() => own() !== undefined)
    expect(own()?.inputs).toMatchObject([{ values: ['I am [EMAIL]'] }])
  })

  test('a pattern blocks with a clear 400, before a backend is asked', async () => {
    await make('blocking', {
      guardrails: [
        {
          kind: 'regex',
          patterns: [{ name: 'PROJECT_X', regex: 'project\\s+x' }],
          action: 'block',
        },
      ],
    })
    const response = await post(say('blocking', 'tell me of project x'))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { code: 'content_filter', message: expect.stringContaining('PROJECT_X') },
    })
    expect(backend.calls).toHaveLength(0)
  })

  test('a webhook allows, replaces and blocks, beside the model too; one that is away blocks', async () => {
    let verdict: object = { action: 'allow' }
    const hook = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(verdict))
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
    await make('hooked', { guardrails: [{ kind: 'webhook', url }] })
    await make('beside', { guardrails: [{ kind: 'webhook', url, on: 'during' }] })
    await make('after', { guardrails: [{ kind: 'webhook', url, on: 'output' }] })
    expect((await post(say('hooked', 'Hi'))).status).toBe(200)
    verdict = { action: 'replace', text: 'Bye' }
    await post(say('hooked', 'Hi'))
    expect(backend.calls.at(-1)?.body['messages']).toEqual([{ role: 'user', content: 'Bye' }])
    verdict = { action: 'block', reason: 'not here' }
    expect(await (await post(say('hooked', 'Hi'))).text()).toContain('not here')
    const beside = await post(say('beside', 'Hi'))
    expect([beside.status, await beside.text()]).toEqual([400, expect.stringContaining('not here')])
    backend.answerWith(stream([recorded('openai-chat')]))
    const after = await post(say('after', 'Hi', { stream: true }))
    expect([after.status, await after.text()]).toEqual([400, expect.stringContaining('not here')])
    verdict = { action: 'allow' }
    expect(await (await post(say('after', 'Hi', { stream: true }))).text()).toContain('[DONE]')
    hook.closeAllConnections()
    await new Promise((resolve) => hook.close(resolve))
    expect((await post(say('hooked', 'Hi'))).status).toBe(400)
  })
})

test('a rate limit refuses with the headers that OpenAI’s clients read', async () => {
  await make('limited', {})
  await client().llm.putLimit({ name: 'two', endpoint: 'limited', requestsPerMinute: 2 })
  const first = await post(say('limited', 'Hi'))
  expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
  expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
  await post(say('limited', 'Hi'))
  const refused = await post(say('limited', 'Hi'))
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(refused.headers.get('x-should-retry')).toBe('true')
  expect(await refused.json()).toMatchObject({
    error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  })
  expect((await client().llm.listLimits()).items).toMatchObject([
    { name: 'two', requestsPerMinute: 2 },
  ])
  await client().llm.deleteLimit({ name: 'two' })
  expect((await post(say('limited', 'Hi'))).status).toBe(200)
})

test('a prompt of the registry comes before every call, by alias when the variant is made, and is canaried like a model', async () => {
  const mlflow = (path: string, body: object) =>
    fetch(`${app.url}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
  await mlflow('registered-models/create', {
    name: 'support',
    tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }],
  })
  for (const text of ['You help {{customer}}.', 'You help {{ customer }} briefly.'])
    await mlflow('model-versions/create', {
      name: 'support',
      source: 'prompt',
      tags: [{ key: 'mlflow.prompt.text', value: text }],
    })
  await mlflow('registered-models/alias', { name: 'support', alias: 'production', version: '1' })
  const made = await make('prompted', { prompt: 'support@production' })
  expect(made.variants[0]?.llm?.prompt).toBe('support/1')
  await client().serving.addVariant({
    endpoint: 'prompted',
    variant: 'brief',
    llm: {
      backends: [{ model: 'gpt-4o-mini', url: backend.url, keyEnv: null }],
      prompt: 'support/2',
    },
  })
  await post(say('prompted', 'Hi', { prompt_variables: { customer: 'Acme' } }))
  await post(say('prompted@brief', 'Hi', { prompt_variables: { customer: 'Acme' } }))
  expect(backend.calls.map(({ body }) => body['messages'])).toEqual([
    [
      { role: 'system', content: 'You help Acme.' },
      { role: 'user', content: 'Hi' },
    ],
    [
      { role: 'system', content: 'You help Acme briefly.' },
      { role: 'user', content: 'Hi' },
    ],
  ])
  expect(backend.calls[0]?.body).not.toHaveProperty('prompt_variables')
  await expect(make('x', { prompt: 'support/9' })).rejects.toThrow()
})
