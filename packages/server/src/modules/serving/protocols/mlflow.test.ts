import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../test/fixtures.ts'
import { parseCsv } from './csv.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  await server.send('POST', '/api/endpoints', { name: 'fraud', model: 'fraud/1' })
})
afterAll(() => server.stop())

const RECORD = { label: 1, probabilities: [expect.closeTo(0.0021, 4), expect.closeTo(0.9979, 4)] }

test('data frames are answered by records, in every form MLflow sends them', async () => {
  const bodies = [
    { dataframe_split: { columns: ['score', 'amount', 'age'], data: [[2, 120.5, 0.5]] } },
    { dataframe_records: [{ amount: 120.5, age: 0.5, score: 2 }] },
    { instances: [{ amount: 120.5, age: 0.5, score: 2 }] },
  ]
  for (const body of bodies) {
    expect((await server.send('POST', '/invocations', body)).json).toEqual({
      predictions: [RECORD],
    })
  }
  const csv = await server.send(
    'POST',
    '/endpoints/fraud/invocations',
    'amount,age,score\n120.5,0.5,2\n',
    {
      'content-type': 'text/csv',
    }
  )
  expect(csv.json).toEqual({ predictions: [RECORD] })
})

test('tensors are answered by tensors', async () => {
  const { json } = await server.send('POST', '/invocations', { inputs: [[120.5, 0.5, 2]] })
  expect(json).toEqual({ predictions: { label: [1], probabilities: [RECORD.probabilities] } })
})

test('KServe’s first protocol answers a prediction per instance', async () => {
  const { json } = await server.send('POST', '/v1/models/fraud:predict', {
    instances: [
      [120.5, 0.5, 2],
      [1, 0.5, 2],
    ],
  })
  expect(json['predictions']).toMatchObject([RECORD, { label: 0 }])
})

test('a bad scoring request is 400 in MLflow’s form', async () => {
  for (const body of [
    '',
    '{}',
    '[]',
    '{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}',
    '{"instances": []}',
  ]) {
    const { status, json } = await server.send('POST', '/invocations', body)
    expect(status, body).toBe(400)
    expect(json['error_code']).toBe('BAD_REQUEST')
  }
})

test('/invocations asks for the endpoint’s name once there are two', async () => {
  await server.send('POST', '/api/endpoints', { name: 'other', model: 'lookup' })
  const { status, json } = await server.send('POST', '/invocations', { inputs: [[1, 2, 3]] })
  expect(status).toBe(404)
  expect(json['message']).toContain('/endpoints/<name>/invocations')
})

test('CSV keeps quoted commas, quotes and lines, and reads numbers', () => {
  expect(parseCsv('a,"b ""x"", y",c\r\n1.5e2,"two\nlines",\r\n')).toEqual([
    { a: 150, 'b "x", y': 'two\nlines', c: null },
  ])
  expect(() => parseCsv('a,b\n1\n')).toThrow('1 fields')
  expect(() => parseCsv('a\n"open')).toThrow('does not end')
})
