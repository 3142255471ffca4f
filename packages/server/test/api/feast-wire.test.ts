import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createClient } from '@trestle/sdk'
import { createManualClock } from '../../src/kernel/clock.ts'
import { startTestApp } from '../support/app.ts'

const exchange = z.object({
  method: z.string(),
  path: z.string(),
  req: z.string(),
  status: z.int(),
  resp: z.string(),
})
const recorded = (
  await readFile(
    new URL('../../src/modules/features/fixtures/feast_wire.jsonl', import.meta.url),
    'utf8'
  )
)
  .trim()
  .split('\n')
  .map((line) => exchange.parse(JSON.parse(line)))

// Vector search, the chat page and the root's /health (MLflow's) are not Feast's here.
const SPOKEN = new Set([
  '/get-online-features',
  '/push',
  '/write-to-online-store',
  '/materialize',
  '/materialize-incremental',
])
const spoken = recorded.filter((r) => SPOKEN.has(r.path.split('?')[0] ?? ''))

const NOW = Date.parse('2026-11-23T13:21:42Z')
let app: Awaited<ReturnType<typeof startTestApp>>

beforeAll(async () => {
  app = await startTestApp({}, { clock: createManualClock(NOW) })
  const client = createClient({ url: app.url })
  await client.features.apply({
    manifest: {
      entities: [{ name: 'driver', keys: [{ name: 'driver_id', type: 'int64' }] }],
      views: [
        {
          name: 'drv',
          entities: ['driver'],
          features: [
            { name: 'conv_rate', type: 'float32' },
            { name: 'trips', type: 'int64' },
          ],
          pushSource: 'push',
        },
      ],
      services: [{ name: 'svc', features: [{ view: 'drv', features: ['conv_rate', 'trips'] }] }],
    },
  })
  await client.features.push({
    view: 'drv',
    rows: [
      { driver_id: 1, conv_rate: 0.2, trips: 20, event_timestamp: '2026-11-22T12:20:33Z' },
      { driver_id: 2, conv_rate: 9.9, trips: 999, event_timestamp: '2026-11-13T13:20:33Z' },
    ],
  })
})
afterAll(() => app.stop())

const send = async (given: z.infer<typeof exchange>, prefix: string) => {
  const response = await fetch(`${app.url}${prefix}${given.path}`, {
    method: given.method,
    headers: { 'content-type': 'application/json' },
    ...(given.req === '' ? {} : { body: given.req }),
  })
  return { status: response.status, text: await response.text() }
}

describe.each(['', '/feast'])('recorded conversations at "%s"', (prefix) => {
  test.each(
    spoken
      .filter((r) => r.status < 300 && !r.req.includes('metadata": true'))
      .map((r, i) => [i, r.path, r.req, r] as const)
  )('%i %s %s is answered as Feast does, digit by digit', async (_i, _path, _body, given) => {
    const { status, text } = await send(given, prefix)
    expect(status).toBe(given.status)
    expect(text).toBe(given.resp)
  })

  test.each(spoken.filter((r) => r.status >= 400).map((r, i) => [i, r.path, r.req, r] as const))(
    '%i %s %s is refused with 4xx, in Feast’s shape',
    async (_i, _path, _body, given) => {
      const { status, text } = await send(given, prefix)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(500)
      if (given.status === 422 && given.resp.startsWith('{')) {
        expect(JSON.parse(text)).toMatchObject({
          detail: [{ type: 'missing', loc: ['body', 'entities'], msg: 'Field required' }],
        })
        return
      }
      const sent = z
        .object({ module: z.literal('feast.errors'), class: z.string(), message: z.string() })
        .parse(JSON.parse(z.string().parse(JSON.parse(text))))
      const theirs = JSON.parse(given.resp) as string
      if (theirs.startsWith('{'))
        expect(sent.class).toBe((JSON.parse(theirs) as { class: string }).class)
    }
  )
})

test('view versions are in the metadata for who asks', async () => {
  const given = spoken.find((r) => r.req.includes('metadata": true'))
  const { text } = await send(given!, '')
  expect(JSON.parse(text)).toMatchObject({
    metadata: {
      feature_names: ['driver_id', 'trips'],
      feature_view_metadata: [{ name: 'drv', version: 1 }],
    },
  })
})

test('64-bit keys and values pass with all their digits', async () => {
  const big = '9007199254740993'
  const post = (path: string, body: string) =>
    send({ method: 'POST', path, req: body, status: 0, resp: '' }, '')
  await post(
    '/push',
    `{"push_source_name":"push","to":"online_and_offline","df":{"driver_id":[${big}],"conv_rate":[1],"trips":[${big}],"event_timestamp":["2026-11-23T13:00:00Z"]}}`
  )
  const { text } = await post(
    '/get-online-features',
    `{"entities":{"driver_id":[${big}]},"features":["drv:trips","drv:conv_rate"]}`
  )
  expect(text).toContain(`"values":[${big}]`)
  expect(text).toContain('"values":[1.0]')
  const [keys] = z.object({ results: z.array(z.unknown()) }).parse(JSON.parse(text)).results
  expect(keys).toBeDefined()
})

test('Feast’s health is under its prefix', async () => {
  const response = await fetch(`${app.url}/feast/health`)
  expect([response.status, await response.text()]).toEqual([200, ''])
})
