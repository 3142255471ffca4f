import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from '@trestle/sdk'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { expect, test, vi } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { tellStory } from './story.ts'

const SPEC = new URL('openlineage-spec/', import.meta.url)

/** Checks an event by the schema that it names, and each facet by its own. */
function createValidator() {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  for (const file of readdirSync(SPEC).filter((name) => name.endsWith('.json')))
    ajv.addSchema(JSON.parse(readFileSync(new URL(file, SPEC), 'utf8')) as object)
  return (schema: string, value: unknown): string[] => {
    const validate = ajv.getSchema(schema)
    if (validate === undefined) return [`no schema ${schema}`]
    return validate(value) === true
      ? []
      : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message ?? ''}`)
  }
}

function facetsIn(value: unknown): { _schemaURL: string }[] {
  if (typeof value !== 'object' || value === null) return []
  const own = '_schemaURL' in value ? [value as { _schemaURL: string }] : []
  return [...own, ...Object.values(value).flatMap(facetsIn)]
}

type Event = {
  schemaURL: string
  eventType?: string
  run?: { runId: string }
  job?: { namespace: string; name: string }
  inputs?: { name: string }[]
  outputs?: { name: string; facets: { version: { datasetVersion: string } } }[]
  dataset?: { namespace: string; name: string }
}

test('an OpenLineage server hears of runs and models in events of spec 2-0-2, in order, and none is lost while it is away', async () => {
  const received: { event: Event; authorization: string | undefined; path: string | undefined }[] =
    []
  let isAway = true
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      if (!isAway)
        received.push({
          event: JSON.parse(body) as Event,
          authorization: request.headers.authorization,
          path: request.url,
        })
      response.writeHead(isAway ? 503 : 201).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const app = await startTestApp({
    OPENLINEAGE_URL: `http://127.0.0.1:${port}/`,
    OPENLINEAGE_API_KEY: 'secret',
    OPENLINEAGE_NAMESPACE: 'ml',
  })
  try {
    const { runId } = await tellStory(app.url)
    await createClient({ url: app.url }).registry.setAlias({
      name: 'fraud',
      alias: 'champion',
      version: 2,
    })
    isAway = false
    await vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(7), { timeout: 20_000 })

    const validate = createValidator()
    for (const { event } of received) {
      expect(event.schemaURL).toMatch(/^https:\/\/openlineage\.io\/spec\/2-0-2\/OpenLineage\.json#/)
      expect(validate(event.schemaURL, event)).toEqual([])
      const facets = facetsIn(event)
      expect(facets.length).toBeGreaterThan(0)
      // A facet's file describes the object that holds it, by the facet's key: its definition describes the facet.
      for (const facet of facets) expect(validate(facet._schemaURL, facet)).toEqual([])
    }
    expect(received.every((r) => r.authorization === 'Bearer secret')).toBe(true)
    expect(received.every((r) => r.path === '/api/v1/lineage')).toBe(true)

    const events = received.map((r) => r.event)
    const runs = events.filter((e) => e.run !== undefined)
    const uuid = runId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    expect(new Set(runs.map((e) => e.run?.runId))).toEqual(new Set([uuid]))
    expect(runs.map((e) => e.eventType).toSorted()).toEqual(['COMPLETE', 'OTHER', 'OTHER', 'START'])
    const last = runs.find((e) => e.outputs?.length === 2)
    expect(last?.job).toMatchObject({ namespace: 'ml', name: 'default.fraud training' })
    expect(last?.inputs?.map((d) => d.name)).toEqual(['payments'])
    const moved = events.filter((e) => e.dataset !== undefined)
    expect(moved.map((e) => `${e.dataset?.namespace ?? ''} ${e.dataset?.name ?? ''}`)).toEqual(
      Array.from({ length: 3 }, () => 'ml/models fraud')
    )
  } finally {
    await app.stop()
    server.close()
  }
})
