import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../../test/fixtures.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
})
afterAll(() => server.stop())

const create = (name: string, source: string, more: object = {}) =>
  server.send('POST', '/api/endpoints', { name, script: { name, source, ...more } })
const ask = (name: string, row: object, headers: Record<string, string> = {}) =>
  server.send('POST', `/endpoints/${name}/predict`, row, headers)

const RULES = `
import { defineModel } from '@trestle/sdk'
type Row = { amount: number; country: string; tags: number[] }
export default defineModel({
  inputs: { amount: 'FP64', country: 'BYTES', tags: { datatype: 'INT64', shape: [-1] } },
  outputs: { score: 'FP32', reason: 'BYTES', tags: { datatype: 'INT64', shape: [2] } },
  load: () => new Map([['DE', 2]]),
  predict(rows: Row[], { state }: { state: Map<string, number> }) {
    return rows.map(({ amount, country, tags }) => ({
      score: amount * (state.get(country) ?? 1),
      reason: country === 'DE' ? 'doubled' : 'as is',
      tags: tags.toReversed(),
    }))
  },
})`

test('a script in TypeScript answers like any model, over every protocol', async () => {
  const made = await create('rules', RULES)
  expect(made.status, JSON.stringify(made.json)).toBe(201)
  const row = { amount: 2.5, country: 'DE', tags: [1, 2] }
  expect((await ask('rules', row)).json['outputs']).toEqual({
    score: 5,
    reason: 'doubled',
    tags: [2, 1],
  })
  const { json } = await server.send('POST', '/v2/models/rules/infer', {
    inputs: [
      { name: 'amount', datatype: 'FP64', shape: [2], data: [1, 3] },
      { name: 'country', datatype: 'BYTES', shape: [2], data: ['FR', 'DE'] },
      { name: 'tags', datatype: 'INT64', shape: [2, 2], data: [1, 2, 3, 4] },
    ],
  })
  expect(json['outputs']).toMatchObject([
    { name: 'score', datatype: 'FP32', data: [1, 6] },
    { name: 'reason', data: ['as is', 'doubled'] },
    { name: 'tags', shape: [2, 2], data: [2, 1, 4, 3] },
  ])
})

const simple = (body: string): string =>
  `export default { inputs: { x: 'FP64' }, outputs: { y: 'FP64' }, predict: (rows) => { ${body} } }`

test('a script that hangs or grows too large fails its own callers, and the next call works again', async () => {
  const body = `
    if (rows[0].x === 1) for (;;) ;
    if (rows[0].x === 2) { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)) }
    if (rows[0].x === 3) process.exit(7)
    if (rows[0].x === 4) throw new Error('no such case')
    return rows.map(({ x }) => ({ y: x * 10 }))`
  await create('wild', simple(body), { timeoutMs: 3_000, memoryMb: 32 })
  const expected: [x: number, why: string][] = [
    [1, 'no answer within 3000 ms'],
    [2, 'process ended'],
    [3, 'process ended (code 7)'],
    [4, 'Error: no such case'],
  ]
  for (const [x, why] of expected) {
    const bad = await ask('wild', { x })
    expect(bad.status).toBe(500)
    expect(bad.json['detail']).toContain(why)
    expect((await ask('wild', { x: 5 })).json['outputs']).toEqual({ y: 50 })
  }
})

test('a script can read no files, start no processes and see no environment', async () => {
  const body = `
    const probes = { 0: () => process.getBuiltinModule('node:fs').readFileSync('/etc/hosts'),
      1: () => process.getBuiltinModule('node:child_process').execSync('id'),
      2: () => new (process.getBuiltinModule('node:worker_threads').Worker)('1', { eval: true }) }
    const seen = Object.keys(process.env).length
    return rows.map(({ x }) => { try { probes[x](); return { y: 1 } } catch (e) { return { y: e.code === 'ERR_ACCESS_DENIED' && seen === 0 ? 2 : 3 } } })`
  await create('spy', simple(body))
  for (const x of [0, 1, 2]) expect((await ask('spy', { x })).json['outputs']).toEqual({ y: 2 })
})

test('scripts that are none are refused with the reason', async () => {
  const bad: [source: string, why: string][] = [
    ['export default {', 'Expected'],
    ['export const x = 1', 'must default-export'],
    ["import 'left-pad'\nexport default { predict() {} }", 'does not load'],
    ['export default { predict() {} }', 'must declare its inputs'],
    ["export default { inputs: { x: 'F' }, outputs: {}, predict() {} }", 'no known datatype'],
    ["throw new Error('at the top')", 'at the top'],
  ]
  for (const [source, why] of bad) {
    const { status, json } = await create('bad', source)
    expect(status, source).toBe(422)
    expect(json['detail'], source).toContain(why)
  }
})

test('a wrong answer of a script is its failure', async () => {
  await create('wrong', simple('return rows.map(() => ({ z: 1 }))'))
  const { status, json } = await ask('wrong', { x: 1 })
  expect(status).toBe(500)
  expect(json['detail']).toContain('has no "y"')
})

test('with TRESTLE_SCRIPTS=off no script loads', async () => {
  const strict = await startServing({}, { TRESTLE_SCRIPTS: 'off' })
  const made = await strict.send('POST', '/api/endpoints', {
    name: 'rules',
    script: { source: RULES },
  })
  expect(made.status).toBe(422)
  expect(made.json['detail']).toContain('turned off')
  await strict.stop()
})
