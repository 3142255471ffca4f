import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../../test/fixtures.ts'
import { inOrder } from './in-order.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  for (const model of ['identity'])
    expect((await server.send('POST', '/api/endpoints', { name: model, model })).status).toBe(201)
})
afterAll(() => server.stop())

let input: { name: string; datatype: string; shape: number[] }
beforeAll(async () => {
  const { json } = await server.send('GET', '/v2/models/identity')
  const [first] = (json as { inputs: { name: string; datatype: string; shape: number[] }[] }).inputs
  if (first === undefined) throw new Error('no input')
  input = { ...first, shape: first.shape.map((dim) => (dim === -1 ? 1 : dim)) }
})
const call = (id: number): string =>
  JSON.stringify({
    id: `r${id}`,
    inputs: [
      { ...input, data: Array.from({ length: input.shape.reduce((a, b) => a * b, 1) }, () => id) },
    ],
  })

type Line = { id?: string; error?: string; outputs?: { data: number[] }[] }
const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

test('each line is answered in its order, and a wrong one in its own place', async () => {
  const lines = Array.from({ length: 500 }, (_, i) =>
    i === 250 ? '{"id": "wrong", "inputs": 1}' : call(i)
  )
  lines[100] = 'no json'
  const response = await fetch(`${server.url}/v2/models/identity/infer_stream`, {
    method: 'POST',
    body: `${lines.join('\n\n')}\r\n`,
  })
  expect(response.headers.get('content-type')).toMatch(/ndjson/)
  const answers = linesOf(await response.text())
  expect(answers.length).toBe(500)
  for (const [i, { id, error, outputs }] of answers.entries()) {
    if (i === 100)
      expect({ id, error }).toEqual({
        id: undefined,
        error: expect.stringMatching(/JSON/) as string,
      })
    else if (i === 250)
      expect({ id, error }).toEqual({
        id: 'wrong',
        error: expect.stringMatching(/inputs/) as string,
      })
    else {
      expect(id).toBe(`r${i}`)
      expect(outputs?.[0]?.data[0]).toBe(i)
    }
  }
})

test('an answer comes while the request is still being sent', async () => {
  const { port } = new URL(server.url)
  const request = httpRequest({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/v2/models/identity/infer_stream',
  })
  const answers: string[] = []
  const took = new Promise<void>((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        answers.push(...linesOf(text).map(({ id }) => id ?? ''))
        if (answers.length < 5) request.write(`${call(answers.length)}\n`)
        else request.end()
      })
      response.on('end', resolve)
    })
  })
  request.write(`${call(0)}\n`)
  await took
  expect(answers).toEqual(['r0', 'r1', 'r2', 'r3', 'r4'])
})

test('a WebSocket takes requests and gives answers in their order; who may not is refused', async () => {
  const socket = new WebSocket(
    `${server.url.replace('http', 'ws')}/v2/models/identity/infer_stream`
  )
  const answers: Line[] = []
  await new Promise<void>((resolve, reject) => {
    socket.onerror = () => reject(new Error('it broke'))
    socket.onopen = () => {
      for (let i = 0; i < 200; i++) socket.send(i === 7 ? '{}' : call(i))
    }
    socket.onmessage = ({ data }) => {
      answers.push(JSON.parse(String(data)) as Line)
      if (answers.length === 200) socket.close()
    }
    socket.onclose = () => resolve()
  })
  expect(answers.map(({ id }) => id)).toEqual(
    Array.from({ length: 200 }, (_, i) => (i === 7 ? undefined : `r${i}`))
  )
  expect(answers[7]?.error).toMatch(/inputs/)

  const unknown = await server.send('POST', '/v2/models/none/infer_stream', {})
  expect(unknown).toMatchObject({
    status: 404,
    json: { error: expect.stringMatching(/none/) as string },
  })
  for (const path of ['/v2/models/none/infer_stream', '/elsewhere'])
    await expect(
      new Promise((resolve, reject) => {
        const refused = new WebSocket(`${server.url.replace('http', 'ws')}${path}`)
        refused.onopen = resolve
        refused.onerror = () => reject(new Error('refused'))
      })
    ).rejects.toThrow('refused')
})

test('no more is taken than the window while nobody reads', async () => {
  let taken = 0
  async function* source(): AsyncGenerator<number, void, void> {
    for (; taken < 100;) yield taken++
  }
  const results = inOrder(source(), 4, async (n) => n * 2)
  expect((await results.next()).value).toBe(0)
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  expect(taken).toBeLessThanOrEqual(6)
  const rest: number[] = []
  for await (const result of results) rest.push(result)
  expect(rest).toEqual(Array.from({ length: 99 }, (_, i) => 2 * (i + 1)))
})
