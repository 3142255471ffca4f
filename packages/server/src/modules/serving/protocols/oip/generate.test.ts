import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  completion,
  json,
  startFakeBackend,
  stream,
  type FakeBackend,
} from '../../llm/test/fake-backend.ts'
import { startServing, type TestServer } from '../../test/fixtures.ts'

let server: TestServer
let backend: FakeBackend
beforeAll(async () => {
  backend = await startFakeBackend()
  server = await startServing()
  await server.send('POST', '/api/endpoints', {
    name: 'chat',
    llm: { backends: [{ model: 'small', url: backend.url }], retries: 0 },
  })
  await server.send('POST', '/api/endpoints', { name: 'text', model: 'text' })
  await server.send('POST', '/api/endpoints', { name: 'fraud', model: 'fraud/1' })
})
afterAll(async () => {
  await server.stop()
  await backend.stop()
})

const chunk = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
const post = (path: string, body: unknown) =>
  fetch(`${server.url}/v2/models/${path}`, { method: 'POST', body: JSON.stringify(body) })

// The request of Triton's vLLM tutorial (docs/vllm_backend).
test('an LLM generates as Triton’s vLLM backend does', async () => {
  backend.answerWith(json(completion('a fast server')))
  const response = await post('chat/generate', {
    id: '7',
    text_input: 'What is Triton Inference Server?',
    parameters: { stream: false, temperature: 0 },
    sampling_parameters: '{"top_p": "0.95", "max_tokens": 100}',
  })
  expect([response.status, await response.json()]).toEqual([
    200,
    { id: '7', model_name: 'chat', model_version: '1', text_output: 'a fast server' },
  ])
  expect(backend.calls.at(-1)?.body).toMatchObject({
    messages: [{ role: 'user', content: 'What is Triton Inference Server?' }],
    temperature: 0,
    top_p: 0.95,
    max_tokens: 100,
  })
})

test('a stream has an event for each piece, and no word at its end', async () => {
  backend.answerWith(stream([chunk('a fast'), chunk(' server'), 'data: [DONE]\n\n']))
  const response = await post('chat/generate_stream', { text_input: 'What?', max_tokens: 5 })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const said = (text: string): string =>
    `data: {"model_name":"chat","model_version":"1","text_output":"${text}"}\n\n`
  expect(await response.text()).toBe(said('a fast') + said(' server'))
})

test('a stream that breaks off ends with an error event', async () => {
  backend.answerWith(async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(chunk('a fast'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    response.socket?.destroy()
  })
  const text = await (await post('chat/generate_stream', { text_input: 'What?' })).text()
  expect(text).toMatch(/"text_output":"a fast"}\n\ndata: \{"error":".+"\}\n\n$/)
})

test('what an LLM can’t honour is refused in the protocol’s form before anything is asked', async () => {
  const before = backend.calls.length
  const bodies = [{ text_input: 'x', top_k: 4 }, {}, { text_input: 'x', sampling_parameters: '{' }]
  for (const body of bodies) {
    const response = await post('chat/generate', body)
    expect([response.status, await response.json()]).toEqual([400, { error: expect.any(String) }])
  }
  backend.answerWith(json({ error: { message: 'no such model' } }, 404))
  expect((await post('chat/generate_stream', { text_input: 'x' })).status).toBe(400)
  expect(backend.calls.length).toBe(before + 1)
})

test('any model takes inputs by name and gives outputs by name, single elements bare', async () => {
  const text = await post('text/generate', { text_input: 'grün' })
  expect(await text.json()).toEqual({
    model_name: 'text',
    model_version: '1',
    same: 'grün',
    text_output: 'grün',
  })
  const fraud = await post('fraud/generate_stream', { amount: 120.5, age: 0.5, score: 2 })
  const [, event = ''] = /^data: (.+)\n\n$/.exec(await fraud.text()) ?? []
  expect(JSON.parse(event)).toMatchObject({
    label: 1,
    probabilities: [[expect.closeTo(0.0021, 4), expect.closeTo(0.9979, 4)]],
  })
  expect((await post('none/generate', {})).status).toBe(404)
})
