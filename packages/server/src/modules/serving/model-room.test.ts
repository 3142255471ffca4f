import { statSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fixture, startServing, type TestServer } from './test/fixtures.ts'

const MODELS = ['fraud', 'identity', 'simple', 'text', 'lookup']
const FILES = ['fraud-1', 'identity', 'simple', 'text', 'lookup']
const sizes = FILES.map((file) => statSync(fixture(file)).size)
/** The largest fits, and not all of them. */
const LIMIT = Math.max(...sizes) + 200

let server: TestServer
beforeAll(async () => {
  server = await startServing({}, { TRESTLE_MODEL_MEMORY_BYTES: String(LIMIT) })
})
afterAll(() => server.stop())

type Listed = { items: { name: string; variants: { state: string }[] }[] }
const states = async (): Promise<Record<string, string>> => {
  const { items } = (await server.send('GET', '/api/endpoints')).json as unknown as Listed
  return Object.fromEntries(items.map(({ name, variants }) => [name, variants[0]?.state ?? '']))
}
const ask = async (name: string) => {
  const { json } = await server.send('GET', `/api/endpoints/${name}/schema`)
  return server.send('POST', `/endpoints/${name}/predict`, json['example'])
}

test('models that don’t fit together take turns: the one idle longest goes, and comes back when asked', async () => {
  for (const name of MODELS) {
    const model = name === 'fraud' ? 'fraud/1' : name
    expect((await server.send('POST', '/api/endpoints', { name, model })).status).toBe(201)
    expect((await states())[name]).toBe('ready')
  }
  const after = await states()
  expect(Object.values(after)).toContain('evicted')
  const held = MODELS.reduce(
    (sum, name, i) => sum + (after[name] === 'ready' ? (sizes[i] ?? 0) : 0),
    0
  )
  expect(held).toBeLessThanOrEqual(LIMIT)
  for (let round = 0; round < 3; round++)
    for (const name of MODELS) expect((await ask(name)).status, name).toBe(200)
})

test('requests for all of them at once are all answered', async () => {
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, i) => ask(MODELS[i % MODELS.length] ?? ''))
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
})
