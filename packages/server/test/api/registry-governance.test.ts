import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { createPostgres } from '../support/databases.ts'

const ADMIN = 'a-key-for-the-admin-of-tests'

/** What the routes answer, as far as these tests read it. */
type Answer = {
  id: string
  state: string
  version: number
  stage: string
  secret: string
  missing: string[]
  aliases: Record<string, number>
  stages: Record<string, number[]>
  items: Answer[]
  run: { info: { run_id: string } }
  webhook: { webhook_id: string }
}

const serverUrl = inject('postgresUrl')
describe('on SQLite', () => suite(null))
describe.skipIf(serverUrl === null)('on PostgreSQL', () => suite(serverUrl))

function suite(postgres: string | null): void {
  let app: Awaited<ReturnType<typeof startTestApp>>
  let remove = async () => {}
  const keys: Record<string, string> = { admin: ADMIN }
  const received: { headers: IncomingHttpHeaders; body: string }[] = []
  let answers: number[] = []
  let receiver: Server
  let receiverUrl = ''

  const call = async (who: string, method: string, path: string, body?: unknown) => {
    const response = await fetch(app.url + path, {
      method,
      headers: {
        authorization: `Bearer ${keys[who] ?? ''}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = await response.text()
    return { status: response.status, body: JSON.parse(answer) as Answer }
  }
  const ok = async (...args: Parameters<typeof call>) => {
    const { status, body } = await call(...args)
    expect(status, JSON.stringify(body)).toBe(200)
    return body
  }
  const until = async (isDone: () => boolean | Promise<boolean>) => {
    for (let i = 0; i < 300; i++) {
      if (await isDone()) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('it did not come')
  }

  let named = 0
  /** A model with one version for each given auc. */
  const model = async (...aucs: number[]) => {
    const name = `m${named++}`
    await ok('ann', 'POST', '/api/2.0/mlflow/registered-models/create', { name })
    for (const auc of aucs) {
      const { run } = await ok('ann', 'POST', '/api/2.0/mlflow/runs/create', {
        experiment_id: '0',
        start_time: 1,
      })
      await ok('ann', 'POST', '/api/2.0/mlflow/runs/log-metric', {
        run_id: run.info.run_id,
        key: 'auc',
        value: auc,
        timestamp: 1,
      })
      await ok('ann', 'POST', '/api/2.0/mlflow/model-versions/create', {
        name,
        source: `runs:/${run.info.run_id}/model`,
        run_id: run.info.run_id,
      })
    }
    return name
  }
  const setAlias = (who: string, name: string, alias: string, version: number) =>
    call(who, 'POST', '/api/2.0/mlflow/registered-models/alias', {
      name,
      alias,
      version: String(version),
    })

  beforeAll(async () => {
    const database = postgres === null ? null : await createPostgres(postgres)
    remove = database?.remove ?? remove
    app = await startTestApp({
      TRESTLE_ADMIN_KEY: ADMIN,
      ...(database === null ? {} : { DATABASE_URL: database.url }),
    })
    for (const name of ['ann', 'bob', 'cy']) {
      const made = await call('admin', 'POST', '/api/keys', { name, role: 'operator' })
      keys[name] = made.body.secret
    }
    receiver = createServer((request, response) => {
      void text(request).then((body) => {
        received.push({ headers: request.headers, body })
        response.writeHead(answers.shift() ?? 200).end('thanks')
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  })
  afterAll(async () => {
    await app.stop()
    await remove()
    receiver.close()
  })

  test('a protected alias is refused to a plain call, and moves with the approvals and checks that its rule asks for', async () => {
    const name = await model(0.9, 0.8, 0.95)
    await ok('admin', 'PUT', `/api/models/${name}/guards/alias/champion`, {
      approvals: 2,
      metrics: [{ metric: 'auc', bound: 0.85, worsening: 0 }],
    })
    expect((await call('ann', 'PUT', `/api/models/${name}/guards/alias/champion`, {})).status).toBe(
      403
    )
    const refused = await setAlias('ann', name, 'champion', 1)
    expect(refused).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } })
    expect(
      (await call('admin', 'PUT', `/api/models/${name}/aliases/champion`, { version: 1 })).body
    ).toMatchObject({ code: 'registry.protected' })

    const asked = await ok('ann', 'POST', `/api/models/${name}/approvals`, {
      version: 1,
      kind: 'alias',
      target: 'champion',
      comment: 'better',
    })
    expect(asked).toMatchObject({
      state: 'open',
      requestedBy: 'ann',
      missing: ['2 more approvals'],
      checks: [{ passed: true }],
    })
    const review = (who: string, id: string, verdict: string) =>
      call(who, 'POST', `/api/models/${name}/approvals/${id}/reviews`, { verdict })
    expect((await review('ann', asked.id, 'approved')).status).toBe(403)
    expect((await review('bob', asked.id, 'approved')).body).toMatchObject({
      state: 'open',
      missing: ['1 more approval'],
    })
    expect((await review('bob', asked.id, 'approved')).body).toMatchObject({
      state: 'open',
      missing: ['1 more approval'],
    })
    expect((await review('cy', asked.id, 'approved')).body).toMatchObject({
      state: 'applied',
      reviews: [{ reviewer: 'bob' }, { reviewer: 'cy' }],
    })
    expect((await ok('ann', 'GET', `/api/models/${name}`)).aliases).toEqual({ champion: 1 })

    const worse = await ok('ann', 'POST', `/api/models/${name}/approvals`, {
      version: 2,
      kind: 'alias',
      target: 'champion',
    })
    await review('bob', worse.id, 'approved')
    const held = await review('cy', worse.id, 'approved')
    expect(held.body.state).toBe('open')
    expect(held.body.missing).toEqual([
      'metric auc: 0.8 ≥ 0.85',
      'metric auc beside version 1: 0.8 ≥ 0.9 (0.9, worse by at most 0)',
    ])
    expect((await review('bob', worse.id, 'rejected')).body.state).toBe('rejected')
    expect((await review('cy', worse.id, 'approved')).status).toBe(409)

    const better = await ok('ann', 'POST', `/api/models/${name}/approvals`, {
      version: 3,
      kind: 'alias',
      target: 'champion',
    })
    await review('bob', better.id, 'approved')
    await review('cy', better.id, 'approved')
    expect((await ok('ann', 'GET', `/api/models/${name}`)).aliases).toEqual({ champion: 3 })
    // Back to what was approved before: no new request.
    expect((await setAlias('ann', name, 'champion', 1)).status).toBe(200)
    expect((await call('ann', 'DELETE', `/api/models/${name}/aliases/champion`)).status).toBe(403)
    const list = await ok('ann', 'GET', `/api/models/${name}/approvals`)
    expect(list.items.map((a) => [a.version, a.state])).toEqual([
      [3, 'applied'],
      [2, 'rejected'],
      [1, 'applied'],
    ])
  })

  test('a protected stage needs a reviewer of its list', async () => {
    const name = await model(0.5)
    await ok('admin', 'PUT', `/api/models/${name}/guards/stage/production`, { reviewers: ['cy'] })
    const move = { name, version: '1', stage: 'Production', archive_existing_versions: false }
    expect(
      await call('ann', 'POST', '/api/2.0/mlflow/model-versions/transition-stage', move)
    ).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } })
    const asked = await ok('ann', 'POST', `/api/models/${name}/approvals`, {
      version: 1,
      kind: 'stage',
      target: 'Production',
    })
    const path = `/api/models/${name}/approvals/${asked.id}/reviews`
    expect((await call('bob', 'POST', path, { verdict: 'approved' })).status).toBe(403)
    expect((await call('cy', 'POST', path, { verdict: 'approved' })).body.state).toBe('applied')
    expect((await ok('ann', 'GET', `/api/models/${name}/versions/1`)).stage).toBe('Production')
    expect(
      (
        await call('ann', 'POST', `/api/models/${name}/approvals/apr_nope/reviews`, {
          verdict: 'approved',
        })
      ).status
    ).toBe(404)
  })

  test('who held an alias or a stage at an instant has an answer, after moves, removals and archiving', async () => {
    const name = await model(0.1, 0.2)
    const stage = (version: number) =>
      ok('ann', 'POST', `/api/models/${name}/versions/${version}/stage`, {
        stage: 'Production',
        archiveExisting: true,
      })
    const at = async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const now = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 5))
      return now
    }
    const before = await at()
    await setAlias('ann', name, 'champion', 1)
    await stage(1)
    const first = await at()
    await setAlias('ann', name, 'champion', 2)
    await stage(2)
    const second = await at()
    await ok('ann', 'DELETE', `/api/models/${name}/aliases/champion`)
    const holders = async (instant: number) => {
      const { aliases, stages } = await ok(
        'ann',
        'GET',
        `/api/models/${name}/holders?at=${instant}`
      )
      return { aliases, stages }
    }
    expect(await holders(before)).toEqual({ aliases: {}, stages: { None: [1, 2] } })
    expect(await holders(first)).toEqual({
      aliases: { champion: 1 },
      stages: { Production: [1], None: [2] },
    })
    expect(await holders(second)).toEqual({
      aliases: { champion: 2 },
      stages: { Archived: [1], Production: [2] },
    })
    expect((await holders(Date.now())).aliases).toEqual({})
  })

  test('a webhook hears of what it asked for, signed as MLflow signs, again after a failure, and again when asked', async () => {
    const { webhook } = await ok('ann', 'POST', '/api/2.0/mlflow/webhooks', {
      name: `hook-${named++}`,
      url: receiverUrl,
      secret: 's3cret',
      events: [
        { entity: 'MODEL_VERSION_ALIAS', action: 'CREATED' },
        { entity: 'MODEL_VERSION_TAG', action: 'SET' },
      ],
    })
    expect(webhook).not.toHaveProperty('secret')
    const name = await model(0.5)
    answers = [503]
    received.length = 0
    await setAlias('ann', name, 'blue', 1)
    await until(() => received.length === 2)
    const [one, two] = received
    expect(JSON.parse(one!.body)).toMatchObject({
      entity: 'model_version_alias',
      action: 'created',
      data: { name, alias: 'blue', version: '1' },
    })
    expect(two!.body).toBe(one!.body)
    expect(two!.headers['x-mlflow-delivery-id']).toBe(one!.headers['x-mlflow-delivery-id'])
    const signed = `${String(two!.headers['x-mlflow-delivery-id'])}.${String(two!.headers['x-mlflow-timestamp'])}.${two!.body}`
    expect(two!.headers['x-mlflow-signature']).toBe(
      `v1,${createHmac('sha256', 's3cret').update(signed).digest('base64')}`
    )

    const log = async () =>
      (await ok('ann', 'GET', `/api/webhooks/${webhook.webhook_id}/deliveries`)).items
    await until(async () => (await log())[0]?.state === 'delivered')
    const [delivery] = await log()
    expect(delivery).toMatchObject({
      event: 'MODEL_VERSION_ALIAS CREATED',
      attempts: 2,
      responseStatus: 200,
      message: 'thanks',
    })
    await ok(
      'ann',
      'POST',
      `/api/webhooks/${webhook.webhook_id}/deliveries/${delivery?.id ?? ''}/redeliver`,
      {}
    )
    await until(() => received.length === 3)

    answers = [410]
    await ok('ann', 'POST', '/api/2.0/mlflow/model-versions/set-tag', {
      name,
      version: '1',
      key: 'k',
      value: 'v',
    })
    await until(async () => (await log())[0]?.state === 'failed')
    expect((await log())[0]).toMatchObject({ attempts: 1, responseStatus: 410 })
    await ok('ann', 'PATCH', `/api/2.0/mlflow/webhooks/${webhook.webhook_id}`, {
      status: 'DISABLED',
    })
    const count = received.length
    await setAlias('ann', name, 'green', 1)
    expect(received.length).toBe(count)
    for (const wrong of [
      { name: 'x', url: 'ftp://a', events: [{ entity: 'MODEL_VERSION', action: 'CREATED' }] },
      { name: 'x', url: receiverUrl, events: [] },
      { name: 'x', url: receiverUrl, events: [{ entity: 'MODEL_VERSION', action: 'SET' }] },
      { name: '-x', url: receiverUrl, events: [{ entity: 'MODEL_VERSION', action: 'CREATED' }] },
    ])
      expect((await call('ann', 'POST', '/api/2.0/mlflow/webhooks', wrong)).status).toBe(400)
    expect((await call('ann', 'GET', '/api/2.0/mlflow/webhooks/nope')).status).toBe(404)
  })

  test('a workspace is a space of its own, by path or by header, there on first use', async () => {
    const name = `e${named++}`
    const create = (prefix: string) =>
      call('ann', 'POST', `${prefix}/api/2.0/mlflow/experiments/create`, { name })
    expect((await create('/w/team-a')).body).toEqual({ experiment_id: '1' })
    expect((await create('/w/team-b')).status).toBe(200)
    expect((await create('')).status).toBe(200)
    expect((await create('/w/team-a')).status).toBe(400)
    const byHeader = await fetch(
      `${app.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=${name}`,
      {
        headers: { authorization: `Bearer ${keys['ann'] ?? ''}`, 'x-mlflow-workspace': 'team-a' },
      }
    )
    expect(await byHeader.json()).toMatchObject({ experiment: { experiment_id: '1' } })
    expect(
      (await call('ann', 'GET', '/w/Bad_Name/api/2.0/mlflow/experiments/get?experiment_id=0'))
        .status
    ).toBe(400)
    expect(
      (await call('ann', 'GET', '/w/none/api/2.0/mlflow/experiments/get-by-name?experiment_name=x'))
        .status
    ).toBe(404)
  })
}
