import { createClient } from '@trestle/sdk'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

test('what is read over HTTP is checked against the history and reported per view, version and feature', async () => {
  const app = await startTestApp()
  const client = createClient({ url: app.url })
  await client.features.apply({
    manifest: {
      entities: [{ name: 'thing', keys: [{ name: 'id', type: 'string' }] }],
      views: [{ name: 'v', entities: ['thing'], features: [{ name: 'x', type: 'float32' }] }],
      services: [{ name: 'svc', features: [{ view: 'v', features: ['x'] }] }],
    },
  })
  expect(await client.features.consistency({})).toEqual({ items: [], waiting: 0, dropped: 0 })
  await client.features.push({
    view: 'v',
    rows: [{ id: 'a', x: 0.1, event_timestamp: Date.now() - 1_000 }],
  })
  // A row of the very instant of a read may come before or after it.
  await new Promise((resolve) => setTimeout(resolve, 5))
  await client.features.online({ service: 'svc', rows: [{ id: 'a' }, { id: 'b' }] })
  const checked = await until(async () => {
    const report = await client.features.checkConsistency({})
    return report.items.length > 0 ? report : null
  })
  expect(checked).toMatchObject({
    items: [
      {
        view: 'v',
        version: 1,
        reads: 2,
        values: 2,
        asKnown: 2,
        asCorrected: 2,
        features: [{ name: 'x', values: 2, asKnown: 2, asCorrected: 2 }],
        examples: [],
      },
    ],
    waiting: 0,
  })
  expect((await client.features.consistency({ service: 'svc' })).items).toHaveLength(1)
  await expect(client.features.consistency({ view: 'nobody' })).rejects.toMatchObject({
    code: 'features.view_not_found',
  })
  await app.stop()
})

async function until<T>(work: () => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < 60; attempt++) {
    const found = await work()
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('Nothing was checked within 6 s')
}
