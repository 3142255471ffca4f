import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { sendLookups, uploadLookups } from '../rollouts/lookups.ts'
import { startTestApp } from '../support/app.ts'
import { hasPrometheus, startPrometheus } from '../support/prometheus.ts'

const deploy = (path: string) =>
  fileURLToPath(new URL(`../../../../deploy/${path}`, import.meta.url))

describe.skipIf(!(await hasPrometheus()))('the files for Prometheus and Grafana', () => {
  let app: Awaited<ReturnType<typeof startTestApp>>
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>
  beforeAll(async () => {
    app = await startTestApp()
    prometheus = await startPrometheus(app.url)
  })
  afterAll(async () => {
    await prometheus.stop()
    await app.stop()
  })

  test('promtool accepts the rules', async () => {
    const checked = promisify(execFile)('promtool', [
      'check',
      'rules',
      deploy('prometheus/rules.yml'),
    ])
    expect((await checked).stdout).toContain('SUCCESS: 6 rules found')
  })

  test('every panel asks for series that the server has, in words that Prometheus takes', async () => {
    const client = createClient({ url: app.url })
    await uploadLookups(client)
    await client.serving.createEndpoint({ name: 'numbers', model: 'lookup/1' })
    const load = sendLookups(app.url, 'numbers', { atOnce: 1, pauseMs: 50 })
    onTestFinished(load.stop)
    const folder = deploy('grafana/dashboards')
    const dashboards = await Promise.all(
      (await readdir(folder)).map(async (file) => {
        const text = await readFile(join(folder, file), 'utf8')
        return JSON.parse(text) as { uid: string; panels: { targets: { expr: string }[] }[] }
      })
    )
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length)
    const rules = await readFile(deploy('prometheus/rules.yml'), 'utf8')
    const ask = async (expr: string) => {
      const query = expr
        .replaceAll('$__rate_interval', '1m')
        .replaceAll(/\$(endpoint|stream)/g, '.*')
      const asked = new URLSearchParams({ query }).toString()
      const response = await fetch(`${prometheus.url}/api/v1/query?${asked}`)
      return (await response.json()) as { status: string; data?: { result: unknown[] } }
    }
    const exprs = dashboards
      .flatMap(({ panels }) => panels)
      .flatMap(({ targets }) => targets.map(({ expr }) => expr))
    for (const expr of exprs) expect(await ask(expr), expr).toMatchObject({ status: 'success' })

    const text = await (await fetch(`${app.url}/metrics`)).text()
    const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
    const named = `${exprs.join('\n')}\n${rules}`.matchAll(/\btrestle_\w+/g)
    for (const [name] of named)
      expect(known, name).toContain(name.replace(/_(bucket|sum|count)$/, ''))

    // What there is traffic for must show numbers.
    const busy = exprs.filter((expr) => expr.includes('trestle_inference_'))
    expect(busy.length).toBeGreaterThan(5)
    for (const expr of [
      'trestle_inference_requests_total{role="live"}',
      'trestle_inference_duration_seconds_bucket',
      'trestle_inference_batch_rows_count',
      'trestle_inference_log_pending',
    ])
      await vi.waitFor(
        async () => expect((await ask(expr)).data?.result.length, expr).toBeGreaterThan(0),
        { timeout: 10_000, interval: 200 }
      )
  })
})
