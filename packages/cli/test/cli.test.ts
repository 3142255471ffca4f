import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const BIN = fileURLToPath(new URL('../bin/trestle.mjs', import.meta.url))
let server: ChildProcess
let url = ''
let dataDir = ''

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trestle-cli-'))
  server = spawn(
    process.execPath,
    [BIN, 'serve', '--host', '127.0.0.1', '--port', '0', '--data', dataDir, '--log-level', 'error'],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const [line] = (await once(createInterface({ input: server.stdout! }), 'line')) as [string]
  const listening = JSON.parse(line) as { event: string; url: string; pid: number }
  expect(listening.event).toBe('listening')
  expect(listening.pid).toBe(server.pid) // the command became the server: signals reach it directly
  url = listening.url
})
afterAll(async () => {
  server.kill('SIGTERM')
  const [code] = (await once(server, 'exit')) as [number]
  expect(code).toBe(0)
  await rm(dataDir, { recursive: true, force: true })
})

type Ran = { code: number; stdout: string; stderr: string }

function trestle(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [BIN, ...args],
      { env: { ...process.env, TRESTLE_URL: url, ...environment } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      }
    )
  })
}

test('help names every command and the exit codes', async () => {
  const { code, stdout } = await trestle(['--help'])
  expect(code).toBe(0)
  for (const word of ['serve', 'keys', 'projects', 'call', 'Exit codes'])
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
  const { code, stderr } = await trestle(['serve', '--port', '99999', '--data', dataDir], {
    TRESTLE_ADMIN_KEY: 'short',
  })
  expect(code).toBe(1)
  expect(stderr).toContain('TRESTLE_PORT')
  expect(stderr).toContain('TRESTLE_ADMIN_KEY')
})
