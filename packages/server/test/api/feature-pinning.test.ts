import { readFile } from 'node:fs/promises'
import { createClient } from '@trestle/sdk'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

const MODEL = new URL('../../src/modules/serving/fixtures/identity.onnx', import.meta.url)

test('each model version is fed by the version of the feature service that it was trained on', async () => {
  const app = await startTestApp()
  const client = createClient({ url: app.url })
  const base = {
    name: 'base',
    entities: ['thing'],
    features: [{ name: 'raw', type: 'float32' as const }],
  }
  const declare = (expression: string) =>
    client.features.apply({
      manifest: {
        entities: [{ name: 'thing', keys: [{ name: 'id', type: 'string' }] }],
        views: [base],
        onDemandViews: [
          {
            name: 'derived',
            inputs: [{ view: 'base', features: ['raw'] }],
            features: [{ name: 'x', type: 'float32', expression }],
          },
        ],
        services: [{ name: 'svc', features: [{ view: 'derived', features: ['x'] }] }],
      },
    })
  await declare('raw + 1')
  await client.features.push({ view: 'base', rows: [{ id: 'a', raw: 5, event_timestamp: 1 }] })
  const bytes = await readFile(MODEL)
  const first = await client.uploadModel('m', bytes, { featureService: 'svc' })
  await client.serving.createEndpoint({
    name: 'e',
    model: `m/${first.version}`,
    featureService: 'svc',
  })
  const predict = async (variant?: string) => {
    const response = await fetch(`${app.url}/endpoints/e/predict`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(variant === undefined ? {} : { 'x-trestle-variant': variant }),
      },
      body: JSON.stringify({ id: 'a' }),
    })
    return ((await response.json()) as { outputs: { y: number } }).outputs.y
  }
  expect(await predict()).toBe(6)

  await declare('raw + 100')
  const second = await client.uploadModel('m', bytes, { featureService: 'svc' })
  await client.serving.addVariant({ endpoint: 'e', variant: 'next', model: `m/${second.version}` })
  expect([await predict(), await predict('next')]).toEqual([6, 105])

  const detail = await client.registry.getVersion({ name: 'm', version: first.version })
  expect(detail.featureService).toBe('svc@v1')
  const online = (service: string) => client.features.online({ service, rows: [{ id: 'a' }] })
  expect([(await online('svc@v1')).values, (await online('svc')).values]).toEqual([[[6]], [[105]]])
  await expect(online('svc@v9')).rejects.toMatchObject({ code: 'features.service_not_found' })
  await app.stop()
})
