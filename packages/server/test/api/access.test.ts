import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
const ADMIN = 'an-admin-key-for-this-test'
const as = (apiKey?: string, project?: string) => createClient({ url: app.url, apiKey, project })

beforeAll(async () => {
  app = await startTestApp({ TRESTLE_AUTH: 'required', TRESTLE_ADMIN_KEY: ADMIN })
})
afterAll(() => app.stop())

test('without a key, with a wrong key and with a revoked key: 401', async () => {
  await expect(as().identity.whoAmI()).rejects.toMatchObject({ code: 'auth.unauthenticated' })
  await expect(as('wrong').identity.whoAmI()).rejects.toMatchObject({
    code: 'auth.unauthenticated',
  })
  const key = await as(ADMIN).identity.createKey({ name: 'short-lived', role: 'viewer' })
  expect(await as(key.secret).identity.whoAmI()).toMatchObject({
    actor: 'short-lived',
    role: 'viewer',
  })
  await as(ADMIN).identity.revokeKey({ id: key.id })
  await expect(as(key.secret).identity.whoAmI()).rejects.toMatchObject({
    code: 'auth.unauthenticated',
  })
})

test('an expired key is refused', async () => {
  const key = await as(ADMIN).identity.createKey({ name: 'expired', role: 'viewer', expiresAt: 1 })
  await expect(as(key.secret).identity.whoAmI()).rejects.toMatchObject({
    code: 'auth.unauthenticated',
  })
})

test('a role may do what it names and no more', async () => {
  const viewer = await as(ADMIN).identity.createKey({ name: 'viewer', role: 'viewer' })
  const operator = await as(ADMIN).identity.createKey({ name: 'operator', role: 'operator' })
  expect((await as(viewer.secret).identity.listProjects()).items.length).toBeGreaterThan(0)
  await expect(as(viewer.secret).identity.createProject({ name: 'nope' })).rejects.toMatchObject({
    code: 'auth.forbidden',
  })
  await expect(
    as(operator.secret).identity.createKey({ name: 'self-made', role: 'admin' })
  ).rejects.toMatchObject({ code: 'auth.forbidden' })
})

test('a key of one project sees and makes nothing of another', async () => {
  await as(ADMIN).identity.createProject({ name: 'payments' })
  const key = await as(ADMIN).identity.createKey({
    name: 'team',
    role: 'admin',
    project: 'payments',
  })
  expect((await as(key.secret).identity.listProjects()).items.map((p) => p.name)).toEqual([
    'payments',
  ])
  expect((await as(key.secret).identity.listKeys()).items.map((k) => k.name)).toEqual(['team'])
  await expect(as(key.secret, 'default').identity.listProjects()).rejects.toMatchObject({
    code: 'auth.forbidden',
  })
  await expect(as(key.secret).identity.createProject({ name: 'more' })).rejects.toMatchObject({
    code: 'auth.forbidden',
  })
  await expect(
    as(key.secret).identity.createKey({ name: 'wide', role: 'viewer', project: 'default' })
  ).rejects.toMatchObject({ code: 'auth.forbidden' })
})

test('HTTP Basic with the key as password logs in, as MLflow clients do', async () => {
  const response = await fetch(`${app.url}/api/me`, {
    headers: { authorization: `Basic ${btoa(`anyone:${ADMIN}`)}` },
  })
  expect(await response.json()).toMatchObject({ actor: 'bootstrap', role: 'admin' })
})

test('every mutation is in the audit log, refused ones too, and a secret is not', async () => {
  const { secret } = await as(ADMIN).identity.createKey({ name: 'audited', role: 'viewer' })
  await as(secret)
    .identity.createProject({ name: 'refused' })
    .catch(() => undefined)
  const { items } = await as(ADMIN).identity.listAudit({ limit: 5 })
  expect(items[0]).toMatchObject({
    actor: 'audited',
    action: 'identity.createProject',
    status: 403,
  })
  expect(items[1]).toMatchObject({ actor: 'bootstrap', action: 'identity.createKey', status: 201 })
  expect(JSON.stringify(items)).not.toContain(secret)
})

test('data traffic is not in the audit log: pushed rows and labels are a record of their own', async () => {
  const label = { predictionId: 'of-another-time', value: 1 }
  expect(await as(ADMIN).monitoring.postLabels(label)).toMatchObject({ accepted: 1 })
  const { items } = await as(ADMIN).identity.listAudit({ limit: 1 })
  expect(items[0]?.action).not.toBe('monitoring.postLabels')
})

test('the API description lists every route of the contract and its page opens without a key', async () => {
  const description = (await (await fetch(`${app.url}/openapi.json`)).json()) as {
    openapi: string
    paths: Record<string, Record<string, { operationId: string }>>
  }
  expect(description.openapi).toBe('3.1.0')
  expect(description.paths['/api/keys/{id}']?.['delete']?.operationId).toBe('identity.revokeKey')
  expect(await (await fetch(`${app.url}/docs`)).text()).toContain('/openapi.json')
})

test('a page of another site cannot drive a server without login', async () => {
  const open = await startTestApp()
  try {
    const cross = await fetch(`${open.url}/api/projects`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'content-type': 'application/json' },
      body: '{"name":"x"}',
    })
    expect(cross.status).toBe(403)
    const own = await fetch(`${open.url}/api/me`, { headers: { origin: open.url } })
    expect(own.status).toBe(200)
  } finally {
    await open.stop()
  }
})
