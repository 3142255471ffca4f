import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorSpec } from '@trestle/contract'
import { createRng } from '@trestle/stats'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import { createManualClock } from '../../kernel/clock.ts'
import { createDuckDb, type DuckDb } from '../../platform/duckdb/index.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import { createScheduler, type Scheduler } from '../../platform/jobs/scheduler.ts'
import { silentLogger } from '../../platform/telemetry/logger.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import { createAlertActions, type ActOnAlert, type AlertActionRequest } from './alerts/actions.ts'
import { createAlerts } from './alerts/alerts.ts'
import { send, type Send } from './alerts/send.ts'
import { createAlertStore } from './alerts/store.ts'
import { createMonitoring, monitoringMigrations, type Monitoring } from './index.ts'
import { createLabelStore } from './labels/store.ts'
import { toDriftReport } from './monitors/reports.ts'
import type { ReferenceFiles } from './monitors/reference-files.ts'
import { createMonitorStore } from './monitors/store.ts'
import { sampleEvent } from './test/sample-event.ts'

const START = 1_795_459_210_000
const HOUR = 3_600_000
const WEEK = 7 * 24 * HOUR
const noFiles: ReferenceFiles = {
  ofRun: () => Promise.reject(new Error('not here')),
  ofTrainingSet: () => Promise.reject(new Error('not here')),
}
const SECRET = 'a-secret-of-some-length'

onEveryDatabase([monitoringMigrations], (database) => {
  let directory: string
  let project: string
  let clock: ReturnType<typeof createManualClock>
  let completed: Topic<InferenceCompleted>
  let scheduler: Scheduler
  let duckdb: DuckDb
  let monitoring: Monitoring
  let registry: Registry
  let n = 0

  const open = async (sendInstead?: Send) => {
    completed = createTopic<InferenceCompleted>('completed', (error) => {
      throw error
    })
    scheduler = createScheduler({ log: silentLogger() })
    registry = new Registry()
    duckdb = createDuckDb({
      temporaryDir: join(directory, 'tmp'),
      memoryLimit: '256MB',
      threads: 1,
    })
    monitoring = createMonitoring({
      database: database(),
      clock,
      log: silentLogger(),
      scheduler,
      metrics: registry,
      dataDir: directory,
      duckdb,
      completed,
      files: noFiles,
      actOnAlert: () => Promise.reject(new Error('not here')),
      ...(sendInstead === undefined ? {} : { send: sendInstead }),
    })
    await monitoring.start()
  }
  const close = async () => {
    await monitoring.stop(AbortSignal.timeout(5_000))
    await duckdb.stop()
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'trestle-monitoring-'))
    project = `p${n++}`
    clock = createManualClock(START)
    await open()
  })
  afterEach(async () => {
    await close()
    await rm(directory, { recursive: true, force: true })
  })

  const predict = (over: Partial<InferenceCompleted>) => {
    clock.advance(10)
    completed.publish(
      sampleEvent({ project, endpointId: `ep-${project}`, at: clock.now(), ...over })
    )
  }

  test('a label judges its prediction and the shadows of it; a new word replaces the old one everywhere', async () => {
    predict({ predictionId: 'a', outputs: [{ name: 'score', type: 'float', values: [0.9] }] })
    predict({
      predictionId: 's',
      role: 'shadow',
      variant: 'v2',
      pairedWith: 'a',
      outputs: [{ name: 'score', type: 'float', values: [0.2] }],
    })
    await monitoring.predictions.flush()
    const put = async (value: number) => {
      clock.advance(1_000)
      return monitoring.labels.put({ project, actor: 'ann' }, [{ predictionId: 'a', value }])
    }
    const arm = (variant: string, role: 'live' | 'shadow') =>
      monitoring.arm({ endpointId: `ep-${project}`, variant, role, from: START })

    expect(await put(1)).toEqual({ accepted: 1, changed: 0, unchanged: 0 })
    expect(await put(1)).toEqual({ accepted: 1, changed: 0, unchanged: 1 })
    expect((await arm('v1', 'live')).labelled).toMatchObject({ n: 1, meanError: 0 })
    expect((await arm('v2', 'shadow')).labelled).toMatchObject({ n: 1, meanError: 1 })

    expect(await put(0)).toEqual({ accepted: 1, changed: 1, unchanged: 0 })
    expect((await arm('v1', 'live')).labelled).toMatchObject({ n: 1, meanError: 1 })
    expect((await arm('v1', 'live')).labelled?.meanLoss).toBeCloseTo(-Math.log(0.1), 12)
    const store = createLabelStore(database())
    expect(await store.history(project, 'a')).toMatchObject([
      { value_json: '1', replaced_by: 'ann' },
    ])
    const q = { endpointId: `ep-${project}`, primary: 'v1', shadow: 'v2', from: START }
    expect((await monitoring.comparison(q)).mcnemar).toMatchObject({
      labelledPairs: 1,
      onlyPrimaryRight: 0,
      onlyShadowRight: 1,
    })
  })

  test('a label of a prediction that is only in the log finds it there; one before its prediction waits', async () => {
    predict({ predictionId: 'old' })
    await close()
    await open()
    await monitoring.labels.put({ project, actor: 'ann' }, [
      { predictionId: 'old', value: 1 },
      { predictionId: 'early', value: 0 },
    ])
    predict({ predictionId: 'early' })
    await monitoring.predictions.flush()
    clock.advance(11_000)
    await scheduler.trigger('labels')
    const key = { endpointId: `ep-${project}`, variant: 'v1', role: 'live' as const, from: START }
    expect((await monitoring.arm(key)).labelled).toMatchObject({ n: 2, meanError: 0.5 })
  })

  test('arm statistics, labels and pairs are the same after a restart', async () => {
    for (let i = 0; i < 50; i++) {
      const status = i === 9 ? 'error' : 'ok'
      predict({ predictionId: `p${i}`, isShadowed: true, latencyMs: i, status })
      predict({ predictionId: `s${i}`, role: 'shadow', variant: 'v2', pairedWith: `p${i}` })
      if (i === 25) {
        await monitoring.predictions.flush()
        await scheduler.trigger('inference-log')
      }
    }
    await monitoring.predictions.flush()
    await monitoring.labels.put(
      { project, actor: 'ann' },
      Array.from({ length: 20 }, (_, i) => ({ predictionId: `p${i}`, value: i % 2 }))
    )
    const facts = async () => {
      const endpointId = `ep-${project}`
      const { score, ...arm } = await monitoring.arm({
        endpointId,
        variant: 'v1',
        role: 'live',
        from: START,
      })
      const q = { endpointId, primary: 'v1', shadow: 'v2', from: START }
      // Sums are added up in another order after a start: the last bits may differ.
      const round = (_key: string, value: unknown): unknown =>
        typeof value === 'number' ? Number(value.toPrecision(12)) : value
      const found = { arm, n: score.n, pairs: await monitoring.comparison(q) }
      return JSON.parse(JSON.stringify(found, round)) as typeof found
    }
    const before = await facts()
    expect(before.arm).toMatchObject({ requests: 50, errors: 1, labelled: { n: 19 } })
    expect(before.pairs).toMatchObject({ pairs: 49, agreement: 1 })
    await close()
    await open()
    expect(await facts()).toEqual(before)
  })

  test('drift in k of n windows raises one alert, tells the webhook once signed, and resolves when it is over', async () => {
    const received: { body: string; signature: string }[] = []
    let failures = 1
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        if (failures-- > 0) return response.writeHead(500).end()
        received.push({
          body: Buffer.concat(chunks).toString(),
          signature: String(request.headers['x-trestle-signature']),
        })
        return response.writeHead(204).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const alerts = createAlertStore(database())
    await alerts.putReceiver({
      project,
      name: 'ops',
      kind: 'webhook',
      url: `http://127.0.0.1:${port}/hook`,
      secret: SECRET,
      mail_json: null,
      created_at: clock.now(),
    })
    const raised: string[] = []
    monitoring.alertRaised.subscribe((alert) => raised.push(alert.title))
    const spec = monitorSpec.parse({
      name: 'inputs',
      endpoint: 'fraud',
      reference: { kind: 'first', rows: 200 },
      window: { kind: 'rows', rows: 100 },
      alertWhen: { drifted: 2, of: 3 },
    })
    await monitoring.monitors.put(project, spec)
    const rng = createRng(1)
    const traffic = async (rows: number, shift: number) => {
      for (let i = 0; i < rows; i++)
        predict({
          predictionId: `p${n}-${clock.now()}`,
          inputs: [
            { name: 'amount', type: 'float', values: [rng() + shift] },
            { name: 'steady', type: 'float', values: [rng()] },
          ],
        })
      await monitoring.predictions.flush()
      clock.advance(5_000)
      await scheduler.trigger('monitors')
    }
    const store = createMonitorStore(database())
    const states = async () =>
      (await store.reports({ project, limit: 100 }))
        .toSorted((a, b) => a.to_at - b.to_at)
        .map((r) => r.state)

    await traffic(199, 0)
    expect(await states()).toEqual([])
    await traffic(201, 0)
    expect(await states()).toEqual(['ok', 'ok'])
    await traffic(100, 2)
    expect(raised).toEqual([])
    await traffic(200, 2)
    expect(await states()).toEqual(['ok', 'ok', 'drift', 'drift', 'drift'])
    expect(raised).toEqual(['Drift on fraud: amount'])
    expect((await monitoring.drift(`ep-${project}`)).state).toBe('drift')
    expect(await registry.metrics()).toMatch(/trestle_monitor_state\{.*state="drift"\} 1/)

    await scheduler.trigger('alert-delivery')
    expect(received).toEqual([])
    clock.advance(5_000)
    await scheduler.trigger('alert-delivery')
    await scheduler.trigger('alert-delivery')
    expect(received.length).toBe(1)
    const { body, signature } = received[0] ?? { body: '', signature: '' }
    const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? []
    expect(mac).toBe(createHmac('sha256', SECRET).update(`${seconds}.${body}`).digest('hex'))
    expect(JSON.parse(body)).toMatchObject({
      event: 'alert.firing',
      alert: { kind: 'drift', endpoint: 'fraud', columns: ['amount'] },
    })

    await traffic(300, 0)
    await scheduler.trigger('alert-delivery')
    expect((await alerts.list({ project, limit: 10 })).map((a) => a.state)).toEqual(['resolved'])
    expect(JSON.parse(received[1]?.body ?? '{}')).toMatchObject({ event: 'alert.resolved' })
    server.close()
  })

  test('labels that come after their window was judged are judged too, and the alert follows them', async () => {
    const spec = monitorSpec.parse({
      name: 'late',
      endpoint: 'fraud',
      reference: { kind: 'first', rows: 100 },
      window: { kind: 'rows', rows: 100 },
      quality: { problem: 'binary', minimumLabels: 50 },
    })
    await monitoring.monitors.put(project, spec)
    for (let i = 0; i < 200; i++) predict({ predictionId: `late-${i}` })
    await monitoring.predictions.flush()
    clock.advance(3_000)
    await scheduler.trigger('monitors')
    const store = createMonitorStore(database())
    const alerts = createAlertStore(database())
    const quality = async () => {
      const [report] = await store.reports({ project, limit: 1 })
      return report === undefined ? null : toDriftReport(report).quality
    }
    expect(await quality()).toMatchObject({ state: 'insufficient', labels: 0 })

    // The first hundred were right, the second were not; both are told of an hour later.
    const label = async (from: number, value: number) => {
      const items = Array.from({ length: 100 }, (_, i) => ({
        predictionId: `late-${from + i}`,
        value,
      }))
      await monitoring.labels.put({ project, actor: 'ann' }, items)
      await scheduler.trigger('labels')
      await scheduler.trigger('monitors')
    }
    clock.advance(3_600_000)
    await label(0, 1)
    await label(100, 0)
    expect(await quality()).toMatchObject({ state: 'worse', labels: 100, coverage: 1 })
    expect(await alerts.list({ project, limit: 10 })).toMatchObject([
      { kind: 'quality', state: 'firing' },
    ])
    clock.advance(60_000)
    await label(100, 1)
    expect(await quality()).toMatchObject({ state: 'ok' })
    expect((await alerts.list({ project, limit: 10 })).map((a) => a.state)).toEqual(['resolved'])

    // The reference period itself turns out to have been half wrong: the window is no worse than it.
    clock.advance(60_000)
    await label(100, 0)
    expect(await quality()).toMatchObject({ state: 'worse' })
    clock.advance(60_000)
    await label(0, 0)
    expect(await quality()).toMatchObject({ state: 'ok' })
  })

  const amounts = (rows: number, at: number, value: () => number) => {
    for (let i = 0; i < rows; i++)
      completed.publish(
        sampleEvent({
          project,
          endpointId: `ep-${project}`,
          predictionId: `a${at + i}`,
          at: at + i,
          inputs: [{ name: 'amount', type: 'float', values: [value()] }],
        })
      )
  }
  const statesOf = async (monitor: string) =>
    (await createMonitorStore(database()).reports({ project, monitor, limit: 1_000 }))
      .toSorted((a, b) => a.from_at - b.from_at)
      .map((r) => r.state)

  test('a moving reference goes along with slow change and tells a jump, from profiles alone', async () => {
    const spec = { name: 'moving', endpoint: 'fraud', reference: { kind: 'moving', windows: 2 } }
    await monitoring.monitors.put(
      project,
      monitorSpec.parse({ ...spec, window: { kind: 'rows', rows: 400 }, outsideThreshold: 0.05 })
    )
    const rng = createRng(2)
    let level = 0
    for (const step of [0, 0.02, 0.02, 0.02, 1, 0]) {
      level += step
      amounts(400, clock.now(), () => rng() + level)
      await monitoring.predictions.flush()
      clock.advance(10_000)
      await scheduler.trigger('monitors')
      // What a window held is never read again: the log may be gone.
      await close()
      await rm(join(directory, 'inference-log'), { recursive: true, force: true })
      await open()
    }
    expect(await statesOf('moving')).toEqual(['insufficient', 'ok', 'ok', 'ok', 'drift', 'drift'])
  })

  test('a reference of the same hour of the week takes Monday’s rush for what it is', async () => {
    const rng = createRng(3)
    const hour = (from: number, level: number) => amounts(100, from, () => rng() + level)
    // Two weeks of history: quiet hours, then a rush hour.
    for (const week of [2, 1]) {
      hour(START - week * WEEK, 0)
      hour(START - week * WEEK + HOUR, 5)
    }
    const spec = {
      name: 'weekly',
      endpoint: 'fraud',
      reference: { kind: 'hour-of-week', weeks: 2 },
      window: { kind: 'time', ms: HOUR },
    }
    await monitoring.monitors.put(project, monitorSpec.parse(spec))
    hour(START, 0)
    hour(START + HOUR, 5)
    hour(START + 2 * HOUR, 5)
    await monitoring.predictions.flush()
    clock.advance(3 * HOUR + 10_000)
    await scheduler.trigger('monitors')
    expect(await statesOf('weekly')).toEqual(['ok', 'ok', 'insufficient'])
    hour(START + WEEK, 5)
    await monitoring.predictions.flush()
    clock.advance(WEEK)
    for (let i = 0; i < 9; i++) await scheduler.trigger('monitors')
    expect((await statesOf('weekly')).filter((state) => state === 'drift')).toHaveLength(1)
  })

  test('a restart judges no window twice and misses none', async () => {
    const spec = monitorSpec.parse({
      name: 'm',
      endpoint: 'fraud',
      reference: { kind: 'first', rows: 60 },
      window: { kind: 'rows', rows: 50 },
    })
    await monitoring.monitors.put(project, spec)
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 40; i++) predict({ predictionId: `r${round}-${i}` })
      await monitoring.predictions.flush()
      clock.advance(3_000)
      await scheduler.trigger('monitors')
      await close()
      await open()
    }
    const reports = await createMonitorStore(database()).reports({ project, limit: 10 })
    expect(reports.map((r) => r.row_count)).toEqual([50, 50])
    expect(new Set(reports.map((r) => r.from_at)).size).toBe(2)
  })

  test('a silenced alert is there, and nobody is told until the silence is over', async () => {
    const sent: unknown[] = []
    const store = createAlertStore(database())
    const alerts = createAlerts({
      store,
      clock,
      send: async (message) => void sent.push(message),
      raised: createTopic('raised', () => undefined),
    })
    const receiver = {
      project,
      url: 'http://127.0.0.1:9',
      secret: null,
      mail_json: null,
      created_at: 1,
    }
    await store.putReceiver({ ...receiver, name: 'am', kind: 'alertmanager' })
    await store.putReceiver({ ...receiver, name: 'slack', kind: 'slack' })
    const trouble = {
      project,
      endpoint: 'fraud',
      monitor: 'm',
      kind: 'drift' as const,
      severity: 'ticket' as const,
      title: 'Drift <here>',
      summary: '',
      columns: ['x'],
      reportId: null,
      onAlert: [],
    }
    await store.insertSilence({
      id: `sil-${project}`,
      project,
      endpoint: 'fraud',
      monitor: null,
      comment: '',
      created_by: 'ann',
      starts_at: clock.now(),
      ends_at: clock.now() + 1_000,
    })
    await alerts.raise(trouble)
    await alerts.deliverDue(AbortSignal.timeout(1_000))
    expect(sent).toEqual([])
    expect((await store.list({ project, limit: 5 })).length).toBe(1)

    clock.advance(2_000)
    await alerts.raise(trouble)
    await alerts.raise(trouble)
    await alerts.deliverDue(AbortSignal.timeout(1_000))
    expect(sent.length, 'still so when the silence is over: told once').toBe(2)
    await alerts.resolve(trouble)
    await Promise.all([alerts.raise(trouble), alerts.raise(trouble)])
    clock.advance(61_000)
    await alerts.deliverDue(AbortSignal.timeout(1_000))
    expect((await store.list({ project, limit: 5 })).map((a) => a.state).toSorted()).toEqual([
      'firing',
      'resolved',
    ])
    const text = JSON.stringify(sent)
    expect(text).toContain('/api/v2/alerts')
    expect(text).toContain('Drift &lt;here&gt;')
  })

  test('a receiver that answers with an error, or not at all, is tried again and then recorded as failed', async () => {
    const store = createAlertStore(database())
    const alerts = createAlerts({
      store,
      clock,
      send,
      raised: createTopic('raised', () => undefined),
    })
    await store.putReceiver({
      project,
      name: 'gone',
      kind: 'webhook',
      url: 'http://127.0.0.1:1/',
      secret: null,
      mail_json: null,
      created_at: 1,
    })
    await alerts.raise({
      project,
      endpoint: 'fraud',
      monitor: 'm',
      kind: 'quality',
      severity: 'page',
      title: 't',
      summary: '',
      columns: [],
      reportId: null,
      onAlert: [],
    })
    for (let i = 0; i < 12; i++) {
      await alerts.deliverDue(AbortSignal.timeout(5_000))
      clock.advance(86_400_000)
    }
    const [alert] = await store.list({ project, limit: 1 })
    expect(await store.deliveriesOf(project, alert?.id ?? '')).toMatchObject([
      { state: 'failed', attempts: 10, receiver: 'gone' },
    ])
  })

  test('what a monitor has its alert do is done once a firing: over servers, crashes and repeats, and never under a silence or after the end', async () => {
    const store = createAlertStore(database())
    const alerts = createAlerts({
      store,
      clock,
      send: async () => undefined,
      raised: createTopic('raised', () => undefined),
    })
    const trouble = {
      project,
      endpoint: 'fraud',
      monitor: 'm',
      kind: 'quality' as const,
      severity: 'page' as const,
      title: 'Worse predictions on fraud',
      summary: '',
      columns: [],
      reportId: null,
      onAlert: [{ do: 'roll-back' as const }],
    }
    const acted: AlertActionRequest[] = []
    let next: () => ReturnType<ActOnAlert> = async () => ({ state: 'done', outcome: 'went back' })
    const server = () =>
      createAlertActions({
        store,
        clock,
        act: async (request) => {
          acted.push(request)
          return next()
        },
      })
    const [a, b] = [server(), server()]
    const turn = () => Promise.all([a, b].map((s) => s.runDue(AbortSignal.timeout(1_000))))
    const newest = async () => {
      const [alert] = await store.list({ project, limit: 1 })
      const [action] = await store.actionsOf(project, [alert?.id ?? ''])
      return { alert, action }
    }

    await alerts.raise(trouble)
    await alerts.raise(trouble)
    await turn()
    await alerts.raise(trouble)
    await alerts.resolve(trouble)
    clock.advance(600_000)
    await turn()
    const { alert, action } = await newest()
    expect(acted).toMatchObject([
      { project, endpoint: 'fraud', action: 'roll-back', alert: { id: alert?.id } },
    ])
    expect(action).toMatchObject({ state: 'done', outcome: 'went back', next_attempt_at: null })

    // A server that dies at it: another one asks again, later.
    clock.advance(1)
    await alerts.raise(trouble)
    const { action: begun } = await newest()
    if (begun === undefined) throw new Error('no action')
    await store.takeAction(begun, clock.now() + 60_000)
    await turn()
    expect(acted.length).toBe(1)
    clock.advance(60_000)
    next = () => Promise.reject(new Error('the rollout is moving'))
    await turn()
    expect((await newest()).action).toMatchObject({
      state: 'pending',
      outcome: 'the rollout is moving',
    })
    for (let i = 0; i < 9; i++) {
      clock.advance(60_000)
      await turn()
    }
    expect(acted.length).toBe(5)
    expect((await newest()).action).toMatchObject({ state: 'failed', attempts: 5 })
    await alerts.resolve(trouble)

    // Over before its turn; then silenced.
    clock.advance(1)
    await alerts.raise(trouble)
    await alerts.resolve(trouble)
    await turn()
    expect((await newest()).action).toMatchObject({ state: 'skipped' })
    await store.insertSilence({
      id: `sil-${project}`,
      project,
      endpoint: 'fraud',
      monitor: null,
      comment: '',
      created_by: 'ann',
      starts_at: clock.now(),
      ends_at: clock.now() + 10_000,
    })
    clock.advance(1)
    await alerts.raise(trouble)
    await turn()
    clock.advance(20_000)
    await turn()
    expect((await newest()).action).toMatchObject({ state: 'skipped' })
    expect(acted.length).toBe(5)
  })
})
