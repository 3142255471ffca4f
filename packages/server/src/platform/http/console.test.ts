import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fail } from '../errors.ts'
import { addConsole } from './console.ts'

let folder: string
let app: FastifyInstance

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trestle-console-'))
  await mkdir(join(folder, 'assets'))
  app = fastify()
  app.setNotFoundHandler(async (_request, reply) =>
    reply.status(404).send({ code: 'request.not_found' })
  )
  addConsole(app, folder)
  app.addHook('onRequest', async (request) => {
    if (
      request.routeOptions.config.isPublic !== true &&
      request.headers.authorization === undefined
    )
      throw Object.assign(fail('auth.unauthenticated', 'a key is needed'), { statusCode: 401 })
  })
})
afterEach(async () => {
  await app.close()
  await rm(folder, { recursive: true })
})

const build = async () => {
  await writeFile(join(folder, 'index.html'), '<p>the console</p>')
  await writeFile(join(folder, 'assets', 'main-abc.js'), 'x = 1')
}
const navigate = (url: string) => app.inject({ url, headers: { accept: 'text/html,*/*;q=0.8' } })

test('any navigation gets the page without a key, never cached, and able to run our own scripts only', async () => {
  await build()
  for (const url of ['/', '/models/fraud.v2', '/endpoints/churn?from=1']) {
    const answer = await navigate(url)
    expect([answer.statusCode, answer.body], url).toEqual([200, '<p>the console</p>'])
    expect(answer.headers['cache-control']).toBe('no-cache')
    expect(answer.headers['content-security-policy']).toContain("default-src 'self'")
  }
})

test('hashed assets are kept for a year, and a missing one is not answered with the page', async () => {
  await build()
  const asset = await app.inject({ url: '/assets/main-abc.js' })
  expect([asset.statusCode, asset.body]).toEqual([200, 'x = 1'])
  expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  const missing = await navigate('/assets/gone-abc.js')
  expect([missing.statusCode, missing.body]).not.toContain('<p>the console</p>')
  expect(missing.statusCode).toBe(404)
})

test('a path of a program, a program’s own request and a write never get the page', async () => {
  await build()
  const key = { authorization: 'Bearer x' }
  const answers = await Promise.all([
    app.inject({ url: '/api/nothing', headers: { ...key, accept: 'text/html' } }),
    app.inject({ url: '/v2/models/none', headers: { ...key, accept: 'text/html' } }),
    app.inject({ url: '/nothing', headers: { ...key, accept: 'application/json' } }),
    app.inject({ method: 'POST', url: '/models', headers: { ...key, accept: 'text/html' } }),
  ])
  for (const answer of answers) expect(answer.json()).toEqual({ code: 'request.not_found' })
  expect(
    (await app.inject({ url: '/api/nothing', headers: { accept: 'text/html' } })).statusCode
  ).toBe(401)
})

test('before the console is built, the page says how to build it', async () => {
  const answer = await navigate('/')
  expect(answer.statusCode).toBe(200)
  expect(answer.body).toContain('npm run build -w packages/console')
})
