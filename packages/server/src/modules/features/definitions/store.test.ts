import { featureManifest, type FeatureManifestInput } from '@trestle/contract'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { featuresMigrations } from '../migrations/index.ts'
import { createCatalog } from './catalog.ts'
import { createDefinitionStore } from './store.ts'

type ViewInput = NonNullable<FeatureManifestInput['views']>[number]

const view = (changes: Partial<ViewInput> = {}): ViewInput => ({
  name: 'stats',
  entities: ['driver'],
  features: [
    { name: 'trips', type: 'int64' },
    { name: 'rate', type: 'float64' },
  ],
  ...changes,
})
const manifest = (changes: Partial<ViewInput> = {}): FeatureManifestInput => ({
  entities: [{ name: 'driver', keys: [{ name: 'driver_id', type: 'int64' }] }],
  views: [view(changes)],
})
const service: FeatureManifestInput = {
  services: [{ name: 'svc', features: [{ view: 'stats', features: ['trips'] }] }],
}

onEveryDatabase([featuresMigrations], (database) => {
  const clock = createManualClock(1_795_459_210_948)
  let nextProject = 0
  const open = async () => {
    const store = createDefinitionStore(database())
    const catalog = createCatalog({ store, clock })
    await catalog.load()
    const project = `p${nextProject++}`
    const apply = (given: FeatureManifestInput, dryRun = false) =>
      catalog.apply({ project, manifest: featureManifest.parse(given), dryRun })
    const reopened = async () => {
      const fresh = createCatalog({ store, clock })
      await fresh.load()
      return fresh
    }
    return { catalog, project, apply, reopened, store }
  }

  test('what was applied is there after a restart, and applying it again changes nothing', async () => {
    const { apply, project, reopened, catalog } = await open()
    await apply({ ...manifest(), ...service })
    expect((await reopened()).of(project)).toEqual(catalog.of(project))
    expect(new Set((await apply({ ...manifest(), ...service })).map((c) => c.kind))).toEqual(
      new Set(['unchanged'])
    )
  })

  test('a dry run says what would change and changes nothing', async () => {
    const { apply, project, reopened } = await open()
    expect((await apply(manifest(), true)).map((c) => c.kind)).toEqual(['create', 'create'])
    expect((await reopened()).of(project).views.size).toBe(0)
  })

  test('projects do not see each other', async () => {
    const [one, other] = [await open(), await open()]
    await one.apply(manifest())
    await other.catalog.load()
    expect(() => other.catalog.view(other.project, 'stats')).toThrow(/no feature view "stats"/)
  })

  test.each<[string, Partial<ViewInput>, string]>([
    [
      'a feature that is gone',
      { features: [{ name: 'trips', type: 'int64' }] },
      'feature "rate" is gone',
    ],
    [
      'a type',
      {
        features: [
          { name: 'trips', type: 'string' },
          { name: 'rate', type: 'float64' },
        ],
      },
      'feature "trips": int64 → string',
    ],
    ['keys', { entities: [] }, 'keys: driver_id int64 → none'],
    ['a ttl', { ttlMs: 60_000 }, 'ttl: none → 60 s'],
  ])(
    'a change of %s is named and makes a new version; the service stays on the old one',
    async (_what, changes, named) => {
      const { apply, catalog, project } = await open()
      await apply({ ...manifest(), ...service })
      const change = (await apply(manifest(changes))).find((c) => c.subject === 'view stats')
      expect(change).toMatchObject({ kind: 'update', version: 2 })
      expect(change?.breaking.join()).toContain(named)
      expect(catalog.service(project, 'svc').features).toMatchObject([
        { view: 'stats', version: 1 },
      ])
      expect(catalog.view(project, 'stats', 1).features).toHaveLength(2)
    }
  )

  test('rows stay where they are while keys and types fit; otherwise the version begins empty, and says so', async () => {
    const { apply, catalog, project } = await open()
    await apply(manifest())
    await apply(manifest({ ttlMs: 1000 }))
    await apply(
      manifest({ ttlMs: 1000, features: [...view().features, { name: 'extra', type: 'bool' }] })
    )
    const [v1, v2] = [catalog.view(project, 'stats', 1), catalog.view(project, 'stats', 2)]
    expect(v1.storageId).toBe(v2.storageId)
    expect(catalog.storageOf(v2).columns.map((c) => c.name)).toEqual(['trips', 'rate', 'extra'])
    const [, change] = await apply(manifest({ features: [{ name: 'trips', type: 'string' }] }))
    expect(change?.detail).toContain('v3 begins without rows')
    expect(catalog.view(project, 'stats').storageId).not.toBe(v1.storageId)
  })

  test('descriptions, owners, sources and added features change in place', async () => {
    const { apply } = await open()
    await apply(manifest())
    const [, change] = await apply(
      manifest({
        owner: 'ml',
        features: [...view().features, { name: 'extra', type: 'bool' }],
        pushSource: 'p',
      })
    )
    expect(change).toMatchObject({ kind: 'update', version: 1, breaking: [] })
  })

  test.each<[string, FeatureManifestInput, RegExp]>([
    [
      'an entity that is not declared',
      { views: [view({ entities: ['ghost'] })] },
      /"stats" is on entity "ghost"/,
    ],
    [
      'a feature twice, by case',
      manifest({
        features: [
          { name: 'X', type: 'bool' },
          { name: 'x', type: 'bool' },
        ],
      }),
      /"stats" has "x" twice/,
    ],
    [
      'a reserved name',
      manifest({ features: [{ name: 'created', type: 'bool' }] }),
      /called "created"/,
    ],
    [
      'a service on no view',
      { services: [{ name: 's', features: [{ view: 'ghost', features: ['a'] }] }] },
      /"s" reads view "ghost"/,
    ],
    [
      'a service on no feature',
      {
        ...manifest(),
        services: [{ name: 's', features: [{ view: 'stats', features: ['zzz'] }] }],
      },
      /"stats:zzz"/,
    ],
    [
      'an expression of the wrong type',
      {
        ...manifest(),
        onDemandViews: [
          {
            name: 'o',
            inputs: [{ view: 'stats', features: ['trips'] }],
            features: [{ name: 'f', type: 'string', expression: 'trips + 1' }],
          },
        ],
      },
      /"o:f": gives a number, and is declared string/,
    ],
    [
      'an expression of an unknown input',
      {
        ...manifest(),
        onDemandViews: [
          {
            name: 'o',
            inputs: [{ view: 'stats', features: ['trips'] }],
            features: [{ name: 'f', type: 'int64', expression: 'rate' }],
          },
        ],
      },
      /"o:f": no input "rate"/,
    ],
  ])('a manifest with %s is refused, and nothing of it is kept', async (_what, given, message) => {
    const { apply, project, reopened } = await open()
    await expect(apply(given)).rejects.toThrow(message)
    expect((await reopened()).of(project).views.size).toBe(0)
  })

  test('training sets are listed newest first, by project', async () => {
    const { store, project } = await open()
    for (const [i, name] of ['first', 'second'].entries())
      await store.insertTrainingSet({
        id: `tset_${project}_${i}`,
        project,
        set: {
          name,
          digest: 'd',
          size: 1,
          rows: 1,
          columns: [],
          mode: 'as-known',
          service: null,
          views: ['stats@v1'],
          createdAt: i,
        },
      })
    expect((await store.listTrainingSets(project)).map((s) => s.name)).toEqual(['second', 'first'])
  })

  const windows = (
    changes: Partial<NonNullable<ViewInput['features'][number]['aggregate']>>,
    more: Partial<ViewInput> & { type?: 'int64' | 'float64' } = {}
  ): FeatureManifestInput => {
    const { type = 'float64', ...rest } = more
    return manifest({
      inputs: [
        { name: 'amount', type: 'float64' },
        { name: 'word', type: 'string' },
      ],
      features: [
        {
          name: 'spent',
          type,
          aggregate: {
            function: 'sum',
            of: 'amount',
            windowMs: 60_000,
            slideMs: 1_000,
            ...changes,
          },
        },
      ],
      ...rest,
    })
  }

  test.for<[string, FeatureManifestInput]>([
    ['aggregates "nope" for "spent"', windows({ of: 'nope' })],
    ['compute sum of string input "word"', windows({ of: 'word' })],
    ['compute mean of nothing', windows({ function: 'mean', of: null })],
    ['declares "spent" as int64; sum gives float64', windows({}, { type: 'int64' })],
    ['a percentile for "spent"', windows({ function: 'percentile' })],
    ['a percentile for "spent"', windows({ percentile: 50 })],
    ['no multiple of its slide', windows({ slideMs: 7_000 })],
    ['needs 60001 tiles', windows({ slideMs: 1 })],
    ['a ttl beside windows', windows({}, { ttlMs: 1 })],
    [
      'has the input "a" twice',
      windows(
        { of: 'a' },
        {
          inputs: [
            { name: 'a', type: 'float64' },
            { name: 'A', type: 'float64' },
          ],
        }
      ),
    ],
    ['has inputs, and no feature', manifest({ inputs: [{ name: 'a', type: 'int64' }] })],
  ])('a window that can not be computed is refused: %s', async ([why, given]) => {
    const { apply } = await open()
    await expect(apply(given)).rejects.toThrow(why)
  })
})
