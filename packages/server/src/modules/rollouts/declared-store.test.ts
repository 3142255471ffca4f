import { rolloutOptions } from '@trestle/contract'
import { beforeEach, expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import { createBusinessStore, type ValueRow } from './business/store.ts'
import { createFreezeStore } from './freezes/store.ts'
import type { FreezeRecord } from './freezes/window.ts'
import { rolloutMigrations } from './migrations/index.ts'
import { createPolicyStore, type PolicyRecord } from './policies/store.ts'
import type { RolloutTables } from './tables.ts'

const AT = 1_795_459_210_948

onEveryDatabase([rolloutMigrations], (database) => {
  beforeEach(async () => {
    const db = database().as<RolloutTables>()
    await db.deleteFrom('rollout_policies').execute()
    await db.deleteFrom('rollout_freezes').execute()
    await db.deleteFrom('rollout_business_values').execute()
  })

  test('policies and freeze windows come back as they were written, by project, and a second word replaces the first', async () => {
    const policies = createPolicyStore(database())
    const policy: PolicyRecord = {
      ...rolloutOptions.parse({ gates: [{ metric: 'cost', max: 2 }] }),
      project: 'default',
      endpoint: 'fraud',
      model: 'fraud',
      on: { alias: 'champion' },
      updatedAt: AT,
      updatedBy: 'ann',
    }
    await policies.put({ ...policy, on: null })
    await policies.put(policy)
    expect(await policies.list('default')).toEqual([policy])
    expect(await policies.find('default', 'fraud')).toEqual(policy)
    expect(await policies.find('other', 'fraud')).toBeNull()
    expect(await policies.remove('other', 'fraud')).toBe(false)
    expect(await policies.remove('default', 'fraud')).toBe(true)
    expect(await policies.list('default')).toEqual([])

    const freezes = createFreezeStore(database())
    const freeze: FreezeRecord = {
      project: 'default',
      name: 'nights',
      endpoint: null,
      reason: 'nobody is awake',
      when: { kind: 'weekly', days: ['fri'], from: '18:00', to: '08:00', timeZone: 'UTC' },
      updatedAt: AT,
      updatedBy: 'ann',
    }
    await freezes.put({ ...freeze, reason: '' })
    await freezes.put(freeze)
    expect(await freezes.list('default')).toEqual([freeze])
    expect(await freezes.remove('default', 'nights')).toBe(true)
    expect(await freezes.remove('default', 'nights')).toBe(false)
  })

  test('a value pushed twice counts once, a corrected one counts as corrected, and the mean is of its variant and time', async () => {
    const store = createBusinessStore(database())
    const rows = Array.from({ length: 2_500 }, (_, i): ValueRow => ({
      endpoint_id: 'ep_1',
      metric: 'revenue',
      value_key: `p:${i}`,
      variant: i % 2 === 0 ? 'v1' : 'v2',
      at: AT + i,
      value: i % 2 === 0 ? 1 : (i % 4) * 2.5,
    }))
    await store.put(rows)
    await store.put(rows.slice(0, 100))
    const mean = (variant: string, from = 0) =>
      store.mean({ endpointId: 'ep_1', metric: 'revenue', variant, from })
    expect(await mean('v1')).toEqual({ n: 1_250, mean: 1, variance: 0 })
    const v2 = await mean('v2')
    expect(v2.n).toBe(1_250)
    expect(v2.mean).toBeCloseTo(5, 12)
    // 2.5 and 7.5 in equal number: the sample variance is 6.25 n / (n - 1).
    expect(v2.variance).toBeCloseTo((6.25 * 1_250) / 1_249, 8)
    expect((await mean('v1', AT + 2_000)).n).toBe(250)
    await store.put([{ ...rows[0], value: 101 } as ValueRow])
    expect((await mean('v1')).mean).toBeCloseTo(1.08, 12)
    expect(
      await store.mean({ endpointId: 'ep_2', metric: 'revenue', variant: 'v1', from: 0 })
    ).toEqual({ n: 0, mean: 0, variance: 0 })
    await store.forgetBefore(AT + 2_400)
    expect((await mean('v1')).n).toBe(50)
  })
})
