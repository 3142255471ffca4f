import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../test/fixtures.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  for (const model of ['fraud/1', 'text'])
    await server.send('POST', '/api/endpoints', { name: model.split('/')[0], model })
})
afterAll(() => server.stop())

const ROW = { amount: 120.5, age: 0.5, score: 2 }
const BACKGROUND = [
  { amount: 1, age: 0.5, score: 2 },
  { amount: 20, age: 1, score: 0 },
]
type Explained = {
  explanations: { base: number; value: number; attributions: Record<string, number> }[]
}
const probability = async (row: object): Promise<number> => {
  const { json } = await server.send('POST', '/endpoints/fraud/predict', row)
  return (json['outputs'] as { probabilities: number[] }).probabilities[1] ?? NaN
}

test('the shares of a prediction lead from the background’s mean to it, by KServe’s route and ours', async () => {
  const body = { instances: [ROW, BACKGROUND[0]], parameters: { background: BACKGROUND } }
  const value = await probability(ROW)
  const base = ((await probability(BACKGROUND[0]!)) + (await probability(BACKGROUND[1]!))) / 2
  for (const path of ['/v1/models/fraud:explain', '/endpoints/fraud/explain']) {
    const { status, json } = await server.send('POST', path, body)
    expect(status, JSON.stringify(json)).toBe(200)
    const [first, second] = (json as unknown as Explained).explanations
    expect(first).toMatchObject({ output: 'probabilities', index: 1, method: 'exact' })
    expect(first!.value).toBeCloseTo(value, 6)
    expect(first!.base).toBeCloseTo(base, 6)
    expect(Object.keys(first!.attributions)).toEqual(['amount', 'age', 'score'])
    const sum = Object.values(first!.attributions).reduce((a, b) => a + b, 0)
    expect(first!.base + sum).toBeCloseTo(first!.value, 6)
    expect(second!.base).toBeCloseTo(base, 6)
  }
})

test('what can’t be explained is refused', async () => {
  const at = '/endpoints/fraud/explain'
  const bad: [path: string, body: object][] = [
    [at, { ...ROW, parameters: { output: 'none' } }],
    [at, { ...ROW, parameters: { index: 9 } }],
    [at, { ...ROW, parameters: { background: 3 } }],
    [at, { ...ROW, parameters: { max_rows: -1 } }],
    [at, { amount: 1 }],
    ['/endpoints/text/explain', { text: 'a' }],
  ]
  for (const [path, body] of bad)
    expect((await server.send('POST', path, body)).status, JSON.stringify(body)).toBe(400)
})
