import { createClient, type TrestleClient } from '@trestle/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { COMMIT, tellStory } from './story.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
let client: TrestleClient
let runId = ''
beforeAll(async () => {
  app = await startTestApp()
  client = createClient({ url: app.url })
  ;({ runId } = await tellStory(app.url))
})
afterAll(() => app.stop())

type Query = Parameters<TrestleClient['lineage']['getLineage']>[0]
const edges = async (query: Query): Promise<string[]> => {
  const graph = await client.lineage.getLineage(query)
  return graph.edges
    .map((e) => `${e.from.kind} ${e.from.id} ${e.label} ${e.to.kind} ${e.to.id}`)
    .toSorted()
}

describe('lineage', () => {
  test('a version is followed back to commit, data and features, and on to endpoint and monitor', async () => {
    expect(await edges({ kind: 'model-version', id: 'fraud/1' })).toEqual(
      [
        `commit ${COMMIT} ran as run ${runId}`,
        `dataset payments@d41d8cd9 read for training run ${runId}`,
        `run ${runId} registered as model-version fraud/1`,
        'feature-view customer_stats part of feature-service fraud_features',
        'feature-service fraud_features feeds model-version fraud/1',
        'model-version fraud/1 served as v1 endpoint fraud',
        'endpoint fraud watched by monitor fraud-inputs',
      ].toSorted()
    )
  })

  test('what is downstream of a commit is everything that came of it, and what is upstream of a monitor everything behind it', async () => {
    const down = await client.lineage.getLineage({
      kind: 'commit',
      id: COMMIT,
      direction: 'downstream',
    })
    expect(down.nodes.map((n) => `${n.kind} ${n.label}`).toSorted()).toEqual(
      [
        `commit ${COMMIT.slice(0, 10)}`,
        'run deep trees',
        'model-version fraud v1',
        'model-version fraud v2',
        'endpoint fraud',
        'monitor fraud-inputs',
      ].toSorted()
    )
    const up = await client.lineage.getLineage({
      kind: 'monitor',
      id: 'fraud-inputs',
      direction: 'upstream',
    })
    expect(up.nodes.map((n) => n.kind)).toEqual(
      expect.arrayContaining(['commit', 'dataset', 'feature-view', 'run', 'model-version'])
    )
    expect(up.nodes.some((n) => n.id === 'fraud/2')).toBe(false)
  })

  test('siblings are no ancestors: what else was made of the same data is left out', async () => {
    const graph = await client.lineage.getLineage({ kind: 'model-version', id: 'fraud/2' })
    expect(graph.nodes.some((n) => n.id === 'fraud/1')).toBe(false)
    expect(graph.nodes.find((n) => n.kind === 'run')).toMatchObject({
      state: 'FINISHED',
      facts: { auc: '0.91', user: 'ada' },
    })
  })

  test('an alias names a version, depth and limit bound the graph, and what is nowhere is a 404', async () => {
    await client.registry.setAlias({ name: 'fraud', alias: 'champion', version: 1 })
    const graph = await client.lineage.getLineage({
      kind: 'model-version',
      id: 'fraud@champion',
      depth: 1,
      limit: 3,
    })
    expect(graph.root).toEqual({ kind: 'model-version', id: 'fraud/1' })
    expect(graph.nodes).toHaveLength(3)
    expect(graph.isTruncated).toBe(true)
    for (const kind of [
      'run',
      'commit',
      'dataset',
      'endpoint',
      'monitor',
      'feature-view',
      'feature-service',
      'model-version',
    ] as const)
      await expect(client.lineage.getLineage({ kind, id: 'nothing/9' })).rejects.toMatchObject({
        code: 'resource.not_found',
      })
    await expect(
      client.request({ method: 'GET', path: '/api/lineage/planet/x' })
    ).rejects.toMatchObject({ code: 'request.invalid' })
  })

  test('another project sees nothing of it', async () => {
    const other = createClient({ url: app.url, project: 'other' })
    await expect(other.lineage.getLineage({ kind: 'run', id: runId })).rejects.toMatchObject({
      status: 404,
    })
  })
})

describe('the model card', () => {
  test('tells in Markdown what is known, with what users wrote kept from being markup', async () => {
    const { markdown, html } = await client.lineage.getCard({ name: 'fraud', version: 1 })
    for (const text of [
      '# fraud v1',
      'Trees, a',
      COMMIT,
      'payments',
      '| auc | 0.91 |',
      '| depth | 6 |',
      '| fraud | serving |',
      'fraud-inputs',
    ])
      expect(markdown).toContain(text)
    expect(html).toContain('<h1>fraud v1</h1>')
    await client.request({
      method: 'PATCH',
      path: '/api/2.0/mlflow/model-versions/update',
      body: { name: 'fraud', version: '2', description: '<script>alert(1)</script> | **x**' },
    })
    const evil = await client.lineage.getCard({ name: 'fraud', version: 2 })
    expect(evil.html).not.toContain('<script')
    expect(evil.markdown).toContain(String.raw`\<script\>alert(1)\</script\> \| \*\*x\*\*`)
  })

  test('is a page of its own, and a file', async () => {
    const page = await fetch(`${app.url}/api/models/fraud/versions/1/card.html`)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const file = await fetch(`${app.url}/api/models/fraud/versions/1/card.md`)
    expect(await file.text()).toMatch(/^# fraud v1\n/)
    expect((await fetch(`${app.url}/api/models/fraud/versions/1/card.pdf`)).status).toBe(404)
    expect((await fetch(`${app.url}/api/models/fraud/versions/77/card.md`)).status).toBe(404)
  })
})

test('two versions are compared, and timed on this machine when asked', async () => {
  const plain = await client.lineage.compareVersions({ left: 'fraud/1', right: 'fraud/2' })
  expect(plain.metrics).toEqual([{ name: 'auc', left: 0.91, right: 0.91, delta: 0 }])
  expect(plain.signature.isCompatible).toBe(true)
  expect(plain.signature.rows.every((row) => row.change === 'same')).toBe(true)
  expect(plain.latency.left).toBeNull()
  const timed = await client.lineage.compareVersions({
    left: 'fraud@champion',
    right: 'fraud/2',
    latency: true,
  })
  for (const side of [timed.latency.left, timed.latency.right]) {
    expect(side?.runs).toBeGreaterThan(10)
    expect(side?.p50).toBeGreaterThan(0)
    expect(side?.p99).toBeGreaterThanOrEqual(side?.p50 ?? Infinity)
  }
  expect(timed.latency.note).toContain('cores')
})
