import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FeatureManifestInput, FeatureType } from '@trestle/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openTestFeatures, type TestFeatures } from '../../../test/support/features.ts'

const cell = z.union([z.number(), z.string(), z.null()])
const row = z.record(z.string(), cell)
const pointInTimeCase = z.object({
  name: z.string(),
  note: z.string(),
  views: z.array(
    z.object({
      name: z.string(),
      join_keys: z.array(z.string()),
      features: z.array(z.string()),
      rows: z.array(row),
      ttl_seconds: z.number().optional(),
      alias: z.string().optional(),
      join_key_map: z.record(z.string(), z.string()).optional(),
    })
  ),
  entity_rows: z.array(row),
  as_known: z.boolean().default(false),
  expected: z.array(row),
})
type Case = z.infer<typeof pointInTimeCase>

const cases = z
  .array(pointInTimeCase)
  .parse(
    JSON.parse(
      await readFile(join(import.meta.dirname, 'fixtures/point_in_time_cases.json'), 'utf8')
    )
  )

let features: TestFeatures
beforeAll(async () => {
  features = await openTestFeatures()
})
afterAll(() => features.close())

// A push without a created time is known from now on, so what was never known can come from files only; a key that is null can't be pushed.
const canBePushed = (given: Case): boolean =>
  given.views.every((v) =>
    v.rows.every((r) => r['created'] !== null && v.join_keys.every((k) => r[k] !== null))
  )

describe.each([
  ['pushed', cases.filter(canBePushed)],
  ['from a file', cases],
] as const)('rows %s', (way, those) => {
  test.each(those.map((c) => [c.name, c.note, c] as const))(
    '%s: %s',
    async (name, _note, given) => {
      const prefix = `${name}_${way === 'pushed' ? 'p' : 'f'}_`
      await features.apply(await manifestOf(given, { prefix, isPush: way === 'pushed' }))
      if (way === 'pushed')
        for (const view of unique(given))
          await features.store.push({
            project: 'default',
            view: prefix + view.name,
            to: 'offline',
            rows: view.rows,
          })
      const { columns, rows } = await features.store.historical({
        project: 'default',
        wanted: { service: `${prefix}service` },
        entities: { kind: 'rows', rows: given.entity_rows },
        mode: given.as_known ? 'as-known' : 'as-corrected',
      })
      const found = rows.map((values) => Object.fromEntries(columns.map((c, i) => [c, values[i]])))
      expect(found).toEqual(
        given.expected.map((want) => ({
          ...want,
          event_timestamp: Date.parse(String(want['event_timestamp'])) * 1000,
        }))
      )
    }
  )
})

const unique = (given: Case): Case['views'] => [
  ...new Map(given.views.map((v) => [v.name, v])).values(),
]

async function manifestOf(
  given: Case,
  { prefix, isPush }: { prefix: string; isPush: boolean }
): Promise<FeatureManifestInput> {
  const views = unique(given)
  for (const view of views) if (!isPush) await writeFile(fileOf(prefix, view.name), csv(view))
  const keys = [...new Set(views.flatMap((v) => v.join_keys))]
  return {
    entities: keys.map((key) => ({
      name: `${prefix}${key}`,
      keys: [{ name: key, type: 'int64' }],
    })),
    views: views.map((view) => ({
      name: prefix + view.name,
      entities: view.join_keys.map((k) => prefix + k),
      features: view.features.map((f) => ({ name: f, type: typeOf(view.rows.map((r) => r[f])) })),
      ttlMs:
        view.ttl_seconds === undefined || view.ttl_seconds === 0 ? null : view.ttl_seconds * 1000,
      batch: isPush
        ? null
        : { kind: 'csv', path: fileOf(prefix, view.name), createdTime: 'created' },
    })),
    services: [
      {
        name: `${prefix}service`,
        features: given.views.map((view) => ({
          view: prefix + view.name,
          features: view.features,
          alias: view.alias ?? null,
          joinKeyMap: view.join_key_map ?? {},
        })),
      },
    ],
  }
}

const fileOf = (prefix: string, view: string): string => join(features.dir, `${prefix}${view}.csv`)

function csv(view: Case['views'][number]): string {
  const columns = ['event_timestamp', 'created', ...view.join_keys, ...view.features]
  return [columns, ...view.rows.map((r) => columns.map((c) => r[c] ?? ''))]
    .map((line) => line.join(','))
    .join('\n')
}

const typeOf = (values: readonly unknown[]): FeatureType =>
  values.every((v) => v === null || Number.isInteger(v)) ? 'int64' : 'float64'
