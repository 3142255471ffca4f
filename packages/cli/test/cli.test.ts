import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from './support/server.ts'

let server: TestServer
const trestle: TestServer['trestle'] = (args, environment) => server.trestle(args, environment)

beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
  await rm(server.dataDir, { recursive: true, force: true })
})

test('help names every command and the exit codes', async () => {
  const { code, stdout } = await trestle(['--help'])
  expect(code).toBe(0)
  for (const word of ['serve', 'apply', 'models', 'rollouts', 'keys', 'call', 'Exit codes'])
    expect(stdout).toContain(word)
})

test('a list is a table for people and JSON for programs', async () => {
  const made = JSON.parse(
    (await trestle(['--json', 'keys', 'create', '--name', 'ci', '--role', 'viewer'])).stdout
  ) as { id: string; secret: string }
  expect(made.secret).toMatch(/^trs_[0-9a-f]{40}$/)
  const table = await trestle(['keys'])
  expect(table.stdout).toMatch(/^ID +NAME +ROLE/)
  expect(table.stdout).not.toContain(made.secret)
  expect(JSON.parse((await trestle(['keys', 'list', '--json'])).stdout)).toMatchObject([
    { id: made.id, name: 'ci', role: 'viewer' },
  ])
  expect((await trestle(['keys', 'revoke', made.id])).stdout).toContain('is revoked')
})

test('exit codes: 2 for wrong usage, 1 for a refusal with its code, 3 when nobody answers', async () => {
  expect((await trestle(['keys', 'create'])).code).toBe(2)
  expect((await trestle(['nonsense'])).code).toBe(2)
  const refused = await trestle(['projects', 'create', '../up'])
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.stderr).toContain('request.invalid')
  const away = await trestle(['keys'], { TRESTLE_URL: 'http://127.0.0.1:1' })
  expect(away.code).toBe(3)
  expect(away.stderr).toContain('trestle serve')
})

test('any route can be called by name, and a wrong name lists those there are', async () => {
  expect(JSON.parse((await trestle(['call', 'identity.whoAmI'])).stdout)).toMatchObject({
    actor: 'local',
    role: 'admin',
  })
  const wrong = await trestle(['call', 'identity.nope'])
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toContain('identity.listKeys')
})

test('settings that are not right are all named before anything starts', async () => {
  const { code, stderr } = await trestle(['serve', '--port', '99999', '--data', server.dataDir], {
    TRESTLE_ADMIN_KEY: 'short',
  })
  expect(code).toBe(1)
  expect(stderr).toContain('TRESTLE_PORT')
  expect(stderr).toContain('TRESTLE_ADMIN_KEY')
})
