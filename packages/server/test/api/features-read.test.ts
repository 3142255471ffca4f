import { createClient, type TrestleClient } from '@trestle/sdk'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
let client: TrestleClient
const TYPES = ['int64', 'float32', 'float64', 'string', 'bool', 'timestamp'] as const
const MISSING = {
  int64: '9007199254740993',
  float32: 0.1,
  float64: 2,
  string: '"',
  bool: true,
  timestamp: '2026-01-01',
}
const names = TYPES.map((type) => `v_${type}`)

beforeAll(async () => {
  app = await startTestApp()
  client = createClient({ url: app.url })
  const view = (name: string, ttlMs: number | null) => ({
    name,
    entities: ['thing'],
    features: TYPES.map((type) => ({
      name: `v_${type}`,
      type,
      default: ttlMs === null ? null : MISSING[type],
    })),
    ttlMs,
    pushSource: name,
  })
  await client.features.apply({
    manifest: {
      entities: [
        {
          name: 'thing',
          keys: [
            { name: 'id', type: 'int64' },
            { name: 'part', type: 'string' },
          ],
        },
      ],
      views: [view('lasting', null), view('passing', 3_600_000)],
    },
  })
})
afterAll(() => app.stop())

const value = {
  int64: fc.oneof(fc.integer(), fc.constantFrom('9007199254740993', '-9223372036854775808')),
  float32: fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom('NaN', 3)),
  float64: fc.oneof(fc.double({ noNaN: true }), fc.constantFrom('-0', 'Infinity', 1e300, 1e-9)),
  string: fc.oneof(fc.string(), fc.constantFrom('a,"b"\\', '],[', 'null', '€\u2028')),
  bool: fc.boolean(),
  timestamp: fc.integer({ min: 0, max: 4e12 }),
}
const row = fc.record({
  id: fc.integer({ min: 0, max: 5 }),
  part: fc.constantFrom('a', 'b,"'),
  ...Object.fromEntries(
    TYPES.map((type) => [`v_${type}`, fc.option<string | number | boolean>(value[type])])
  ),
})

test('a read that is written from stored texts says what a read of values says, natively and as Feast', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (rows, isOld) => {
        const at = Date.now() - (isOld ? 7_200_000 : 0)
        const wire = rows.map((r) => ({ ...r, event_timestamp: at }))
        for (const pushSource of ['lasting', 'passing'])
          await client.features.push({ pushSource, rows: wire })
        const features = ['lasting', 'passing'].flatMap((v) => names.map((n) => `${v}:${n}`))
        const keys = [...Array(7).keys()].map((id) => ({ id, part: id % 2 === 0 ? 'a' : 'b,"' }))
        const ask = async (path: string, body: object) =>
          (
            await fetch(`${app.url}${path}`, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify(body),
            })
          ).text()
        const native = async (extra: object) => {
          const { at: _at, ...answer } = JSON.parse(
            await ask('/api/features/online', {
              features,
              fullNames: true,
              rows: keys.map((k) => ({ ...k, ...extra })),
            })
          ) as { at: number }
          return answer
        }
        expect(await native({})).toEqual(await native({ more: 1 }))
        const feast = async (withVersions: boolean) =>
          (
            await ask('/get-online-features', {
              features,
              full_feature_names: true,
              entities: { id: keys.map((k) => k.id), part: keys.map((k) => k.part) },
              include_feature_view_version_metadata: withVersions,
            })
          ).replace(/,"feature_view_metadata".*$/, '}}')
        expect(await feast(false)).toBe(await feast(true))
      }
    ),
    { numRuns: 60, seed: 5 }
  )
})

test.each([
  [{ rows: [] }, 'rows: '],
  [{ rows: [{ id: 1, part: {} }], features: ['lasting:v_bool'] }, 'rows.0.part: '],
  [{ rows: [{ id: 1, part: 'a' }], features: ['lasting:v_bool'], more: 1 }, 'more'],
  [{ rows: [{ id: 1 }], features: ['lasting:v_bool'] }, 'Row 0 has no key "part"'],
  [{ rows: [{ id: 'x', part: 'a' }], features: ['lasting:v_bool'] }, 'key "id" is int64, not "x"'],
  [{ rows: [{ id: 1, part: 'a' }], features: ['lasting:nope'] }, 'nope'],
  [{ rows: [{ id: 1, part: 'a' }] }, 'Name either a "service" or "features"'],
])('%j is refused by name', async (body, message) => {
  const answer = await fetch(`${app.url}/api/features/online`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  expect(answer.status).toBeGreaterThanOrEqual(400)
  expect(answer.status).toBeLessThan(500)
  expect(((await answer.json()) as { detail: string }).detail).toContain(message)
})
