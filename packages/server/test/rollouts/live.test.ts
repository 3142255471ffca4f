import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createClient, type TrestleClient } from '@trestle/sdk'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { sendLookups, uploadLookups } from './lookups.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
let client: TrestleClient

beforeEach(async () => {
  app = await startTestApp({ TRESTLE_ROLLOUT_LOOK_MS: '200' })
  client = createClient({ url: app.url })
  await uploadLookups(client)
  await client.serving.createEndpoint({ name: 'numbers', model: 'lookup/1' })
})
afterEach(() => app.stop())

const get = (id: string) => client.rollouts.getRollout({ id })
const reaches = (id: string, phase: string, timeout = 20_000) =>
  vi.waitFor(async () => expect((await get(id)).phase).toBe(phase), { timeout, interval: 50 })
const mlflow = async (path: string, body: object): Promise<Record<string, unknown>> => {
  const response = await fetch(`${app.url}/api/2.0/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}
const quick = {
  strategy: {
    kind: 'canary' as const,
    steps: [{ weightPercent: 50, bakeMs: 200, minRequests: 100 }],
    finalBakeMs: 200,
  },
  gates: [{ metric: 'error-rate' as const, margin: 0.05 }, { metric: 'output-schema' as const }],
}

test('a version that fails half of its requests is at weight 0 before a look could tell, and callers are answered by the old one', async () => {
  const load = sendLookups(app.url, 'numbers', { atOnce: 4 })
  const { id } = await client.rollouts.createRollout({
    endpoint: 'numbers',
    model: 'lookup/3',
    strategy: {
      kind: 'canary',
      steps: [{ weightPercent: 50, bakeMs: 600_000, minRequests: 100_000 }],
    },
    gates: [{ metric: 'nan-outputs' }],
  })
  await reaches(id, 'rolled-back')
  await load.stop()
  const { reason, timeline, weights } = await get(id)
  expect(reason).toMatch(/^\d+ of the newest \d+ requests of the new variant failed/)
  expect(weights).toEqual({ candidatePercent: 0, shadowShare: 0 })
  expect(timeline.map((t) => t.event)).toContain('breaker-tripped')
  const failures = [...load.seen].filter(([key]) => key.startsWith('failed'))
  const failed = failures.reduce((sum, [, n]) => sum + n, 0)
  // 50 failures trip it; what was under way or asked before the traffic was live again comes on top.
  expect(failed).toBeGreaterThanOrEqual(50)
  expect(failed).toBeLessThan(200)
  const endpoint = await client.serving.getEndpoint({ endpoint: 'numbers' })
  expect(endpoint.traffic.weights).toEqual([{ variant: 'v1', basisPoints: 10_000 }])
})

test('the same key gets the same variant all through a rising rollout; a tester gets the one that the header names', async () => {
  const variantOf = async (stickyKey: string) =>
    (await client.predict('numbers', { index: 1 }, { stickyKey })).variant
  const keys = Array.from({ length: 150 }, (_, i) => `user-${i}`)
  const { id } = await client.rollouts.createRollout({
    endpoint: 'numbers',
    model: 'lookup/2',
    strategy: {
      kind: 'canary',
      steps: [5, 20, 50, 80].map((weightPercent) => ({
        weightPercent,
        bakeMs: 0,
        minRequests: 1,
        needsApproval: true,
      })),
      finalBakeMs: 600_000,
    },
    gates: [{ metric: 'error-rate', margin: 0.9, minSamples: 1 }],
  })
  const load = sendLookups(app.url, 'numbers', { atOnce: 2, pauseMs: 2 })
  let before = new Set<string>()
  const shares: number[] = []
  for (let step = 0; step < 5; step++) {
    await vi.waitFor(async () => {
      const rollout = await get(id)
      expect([rollout.step, rollout.weights.candidatePercent]).toEqual([
        step,
        [5, 20, 50, 80, 100][step],
      ])
    }, 20_000)
    const seen = new Set<string>()
    for (const key of keys) if ((await variantOf(key)) === 'v2') seen.add(key)
    expect([...before].filter((key) => !seen.has(key))).toEqual([])
    expect(await variantOf('user-7')).toBe(await variantOf('user-7'))
    expect((await client.predict('numbers', { index: 1 }, { variant: 'v2' })).variant).toBe('v2')
    expect((await client.predict('numbers', { index: 1 }, { variant: '1' })).variant).toBe('v1')
    before = seen
    shares.push(seen.size / keys.length)
    if (step === 4) break
    await client.rollouts.approveRollout({ id, note: '' })
  }
  await load.stop()
  expect(shares).toEqual(shares.toSorted((a, b) => a - b))
  expect(shares[4]).toBe(1)
  expect(shares[2]).toBeGreaterThan(0.35)
  expect(shares[2]).toBeLessThan(0.65)
})

test('a header of the callers own decides, when the endpoint says so', async () => {
  await client.serving.createEndpoint({
    name: 'by-user',
    model: 'lookup/1',
    stickyKey: 'header:X-User',
  })
  await client.serving.addVariant({ endpoint: 'by-user', model: 'lookup/2' })
  await client.serving.setTraffic({
    endpoint: 'by-user',
    weights: [
      { variant: 'v1', basisPoints: 5_000 },
      { variant: 'v2', basisPoints: 5_000 },
    ],
  })
  for (let user = 0; user < 20; user++) {
    const ask = () => client.predict('by-user', { index: 1 }, { headers: { 'x-user': `u${user}` } })
    const { variant } = await ask()
    for (let i = 0; i < 5; i++) expect((await ask()).variant).toBe(variant)
  }
})

test('moving the alias by MLflow begins the rollout that the policy asks for; the alias moves when it ends well', async () => {
  await client.registry.setAlias({ name: 'lookup', alias: 'champion', version: 1 })
  await client.rollouts.putPolicy({
    endpoint: 'numbers',
    model: 'lookup',
    on: { alias: 'champion' },
    ...quick,
  })
  const aliased = async () =>
    (await client.registry.getModel({ name: 'lookup' })).aliases['champion']
  const load = sendLookups(app.url, 'numbers')
  await mlflow('registered-models/alias', { name: 'lookup', alias: 'champion', version: '2' })
  expect(await aliased()).toBe(1)
  const { items } = await client.rollouts.listRollouts({ endpoint: 'numbers' })
  expect(items[0]).toMatchObject({ isByPolicy: true, promoteAlias: 'champion' })
  await reaches(items[0]?.id ?? '', 'promoted')
  expect(await aliased()).toBe(2)
  // The same through Trestle's own route says which rollout it is.
  const { rollout } = await client.registry.setAlias({
    name: 'lookup',
    alias: 'champion',
    version: 3,
  })
  await reaches(rollout ?? '', 'rolled-back')
  await load.stop()
  expect(await aliased()).toBe(2)
})

test('a version goes to Production when its rollout ends well, and an archived one is not rolled out', async () => {
  const stages = async () =>
    Object.fromEntries(
      (await client.registry.getModel({ name: 'lookup' })).versions.map((v) => [v.version, v.stage])
    )
  const to = (version: string, stage: string, archive = false) =>
    mlflow('model-versions/transition-stage', {
      name: 'lookup',
      version,
      stage,
      archive_existing_versions: archive,
    })
  await to('1', 'Production')
  await client.rollouts.putPolicy({
    endpoint: 'numbers',
    model: 'lookup',
    on: { stage: 'Production' },
    ...quick,
  })
  const load = sendLookups(app.url, 'numbers')
  await to('2', 'Staging')
  const answer = await to('2', 'Production', true)
  expect(answer).toMatchObject({ model_version: { current_stage: 'Staging' } })
  const { items } = await client.rollouts.listRollouts({ endpoint: 'numbers' })
  await reaches(items[0]?.id ?? '', 'promoted')
  await load.stop()
  expect(await stages()).toEqual({ 1: 'Archived', 2: 'Production', 3: 'None' })
  await expect(
    client.rollouts.createRollout({ endpoint: 'numbers', model: 'lookup/1' })
  ).rejects.toMatchObject({ code: 'registry.version_not_ready' })
})

test('a business metric told by prediction decides an A/B test', async () => {
  const { id } = await client.rollouts.createRollout({
    endpoint: 'numbers',
    model: 'lookup/2',
    strategy: {
      kind: 'ab-test',
      goal: { kind: 'business-metric', name: 'bought' },
      minDurationMs: 0,
      minRequests: 100,
      finalBakeMs: 0,
    },
    gates: [{ metric: 'error-rate', margin: 0.1 }],
  })
  await vi.waitFor(
    async () => expect((await get(id)).timeline.map((t) => t.event)).toContain('traffic-applied'),
    { timeout: 10_000 }
  )
  // Requests are counted from the first whole second after the split was live.
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const values: { metric: string; predictionId: string; value: number }[] = []
  for (let i = 0; i < 900; i++) {
    const { predictionId, variant } = await client.predict('numbers', { index: i % 8 })
    const bought = variant === 'v2' ? i % 2 === 0 : i % 10 === 0
    values.push({ metric: 'bought', predictionId, value: bought ? 1 : 0 })
  }
  await expect(
    client.rollouts.pushBusinessMetrics({ endpoint: 'nowhere', values })
  ).rejects.toMatchObject({ code: 'serving.endpoint_not_found' })
  // A prediction is known once it is in the log, at most 100 ms after its answer: when the last one is, all are.
  await vi.waitFor(
    async () =>
      expect(
        await client.rollouts.pushBusinessMetrics({ endpoint: 'numbers', values: values.slice(-1) })
      ).toEqual({ accepted: 1, unknown: [] }),
    { timeout: 10_000 }
  )
  expect(
    await client.rollouts.pushBusinessMetrics({
      endpoint: 'numbers',
      values: [...values, { metric: 'bought', predictionId: 'nobody', value: 1 }],
    })
  ).toEqual({ accepted: 900, unknown: ['nobody'] })
  await client.rollouts.pushBusinessMetrics({ endpoint: 'numbers', values })
  await reaches(id, 'promoted')
  const won = (await get(id)).timeline.find((t) => t.event === 'looked.advance')
  const verdict = won?.verdicts.find((v) => v.metric === 'business-metric')
  expect(verdict).toMatchObject({ name: 'bought', verdict: 'pass' })
  expect((verdict?.samples.candidate ?? 0) + (verdict?.samples.baseline ?? 0)).toBe(900)
})

test('the alert receivers of the project are told how a rollout goes, and the record says that it arrived', async () => {
  const told: string[] = []
  const receiver = createServer((request, response) => {
    void text(request).then((body) => {
      told.push((JSON.parse(body) as { notice: { title: string } }).notice.title)
      response.end()
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const { port } = receiver.address() as AddressInfo
  await client.monitoring.putReceiver({
    name: 'team',
    kind: 'webhook',
    url: `http://127.0.0.1:${port}/`,
  })
  const load = sendLookups(app.url, 'numbers')
  const { id } = await client.rollouts.createRollout({
    endpoint: 'numbers',
    model: 'lookup/3',
    ...quick,
  })
  await reaches(id, 'rolled-back')
  await load.stop()
  await vi.waitFor(
    () =>
      expect(new Set(told)).toEqual(
        new Set([
          'numbers: rollout of v3 has begun',
          'numbers: v3 goes on to canary at 50 %',
          'numbers: v3 is being taken back',
          'numbers: v3 is rolled back',
        ])
      ),
    { timeout: 10_000 }
  )
  const { items } = await client.monitoring.listNotices({ subject: 'numbers' })
  expect(items).toHaveLength(4)
  for (const notice of items) {
    expect(notice.link).toBe(`/rollouts/${id}`)
    expect(notice.deliveries).toMatchObject([{ receiver: 'team', state: 'delivered' }])
  }
  await new Promise((resolve) => receiver.close(resolve))
}, 40_000)
