import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createPrometheus } from '../../src/modules/rollouts/index.ts'
import { startTestApp } from '../support/app.ts'
import { freePort } from '../support/free-port.ts'
import { hasPrometheus, startPrometheus } from '../support/prometheus.ts'
import { sendLookups, uploadLookups } from './lookups.ts'

describe.skipIf(!(await hasPrometheus()))('with a real Prometheus that scrapes the server', () => {
  let app: Awaited<ReturnType<typeof startTestApp>>
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>

  beforeAll(async () => {
    // Each has to know the other's address, so one of them is picked before.
    const port = await freePort()
    prometheus = await startPrometheus(`http://127.0.0.1:${port}`)
    app = await startTestApp({
      TRESTLE_PORT: String(port),
      TRESTLE_ROLLOUT_LOOK_MS: '500',
      TRESTLE_PROMETHEUS_URL: prometheus.url,
    })
  })
  afterAll(async () => {
    await app.stop()
    await prometheus.stop()
  })

  test('numbers, empty answers, many series and bad queries are told apart', async () => {
    const server = createPrometheus(`${prometheus.url}/`)
    const instant = (query: string) => server.instant(query)
    expect(await instant('vector(4.5)')).toBe(4.5)
    expect(await instant('scalar(vector(2))')).toBe(2)
    expect(await instant('1/0 * vector(1)')).toBe(Infinity)
    expect(await instant('nothing_of_this_name')).toBeNull()
    expect(await instant('vector(0) / vector(0)')).toBeNull()
    await expect(
      instant('label_replace(vector(1), "a", "1", "", "") or vector(2)')
    ).rejects.toThrow('2 series')
    await expect(instant('sum(')).rejects.toThrow(/parse error/)
    await expect(instant('up[1m]')).rejects.toThrow('gives a matrix')
    await expect(createPrometheus(app.url).instant('up')).rejects.toThrow('something else')
    await expect(createPrometheus('http://127.0.0.1:1').instant('up')).rejects.toThrow()
  })

  test('a gate on the error rate as Prometheus sees it takes a harmful version back, and lets a good one through', async () => {
    const client = createClient({ url: app.url })
    await uploadLookups(client)
    await client.serving.createEndpoint({ name: 'numbers', model: 'lookup/1' })
    const of = (status: string) =>
      `sum(rate(trestle_inference_requests_total{endpoint="{{endpoint}}",variant="{{variant}}"${status}}[{{window}}]))`
    const begin = (model: string) =>
      client.rollouts.createRollout({
        endpoint: 'numbers',
        model,
        strategy: {
          kind: 'canary',
          steps: [{ weightPercent: 50, bakeMs: 3_000, minRequests: 50 }],
          finalBakeMs: 0,
        },
        gates: [
          { metric: 'output-schema', margin: 0.1 },
          {
            metric: 'promql',
            name: 'errors by Prometheus',
            query: `(${of(',status="error"')} or vector(0)) / ${of('')}`,
            max: 0.05,
            isCritical: true,
          },
        ],
      })
    const reaches = (id: string, phase: string) =>
      vi.waitFor(async () => expect((await client.rollouts.getRollout({ id })).phase).toBe(phase), {
        timeout: 40_000,
        interval: 200,
      })
    const load = sendLookups(app.url, 'numbers', { atOnce: 2, pauseMs: 20, indexes: 8 })
    const good = await begin('lookup/2')
    await reaches(good.id, 'promoted')
    await load.stop()
    // One failure in five: too few for the breaker, which waits for half.
    const harmful = sendLookups(app.url, 'numbers', { atOnce: 2, pauseMs: 20, indexes: 5 })
    const bad = await begin('lookup/3')
    await reaches(bad.id, 'rolled-back')
    await harmful.stop()
    const { reason } = await client.rollouts.getRollout({ id: bad.id })
    expect(reason).toMatch(/^errors by Prometheus 0\.\d+ v .*, at most 0\.05: fail/)
  }, 90_000)
})
