import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../kernel/clock.ts'
import { fail } from '../../errors.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { guard } from '../guard.ts'
import { refuseWithProblem } from '../problem.ts'
import { createHttp } from '../server.ts'
import { addDirectRoute } from './fastify-route.ts'

/** The same server twice; only one answers directly. */
let direct: FastifyInstance
let plain: FastifyInstance
let answerSlow: (() => void) | null = null

async function start(isDirect: boolean): Promise<FastifyInstance> {
  const app = createHttp({
    log: silentLogger(),
    clock: systemClock,
    limits: { maxBodyBytes: 2_000, requestTimeoutMs: 10_000 },
  })
  guard(app, (credentials) =>
    credentials === null || credentials.secret === 'good'
      ? { actor: 'test', keyId: null, role: 'viewer', project: null }
      : null
  )
  if (!isDirect) app.direct.letIn = null
  addDirectRoute(app, {
    url: '/echo/:name/say',
    refuse: refuseWithProblem,
    async answer({ id, params, project, headers, body }) {
      if (body.toString() === 'slow') await new Promise<void>((resolve) => (answerSlow = resolve))
      if (body.toString() === 'bad') throw fail('request.invalid', 'bad')
      if (body.toString() === 'unsayable')
        return { status: 200, headers: { 'x-name': 'modèle 模型' }, body: '' }
      const said = { id, params, project, agent: headers['x-agent'], text: body.toString() }
      return { status: 200, headers: { 'content-type': 'text/plain' }, body: JSON.stringify(said) }
    },
  })
  app.get('/other', async () => 'other')
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app
}

beforeAll(async () => {
  direct = await start(true)
  plain = await start(false)
})
afterAll(async () => {
  await direct.close()
  await plain.close()
})

/** Everything that comes back on one connection for bytes sent in these pieces; the connection is ended by the server's last word. */
function talk(app: FastifyInstance, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = app.server.address() as AddressInfo
    let said = ''
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    const send = (left: readonly string[]): void => {
      const [piece, ...rest] = left
      if (piece === undefined) return
      socket.write(Buffer.from(piece, 'latin1'))
      setImmediate(() => send(rest))
    }
    socket.on('connect', () => send(pieces))
    socket.on('data', (bytes: Buffer) => (said += bytes.toString('latin1')))
    socket.on('error', reject)
    socket.on('close', () => resolve(said))
  })
}

const LAST = 'GET /other HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'

/** Without what differs from second to second or by the writer's taste. */
const comparable = (said: string): string =>
  said
    .replace(/^Date: .*\r\n/gim, '')
    .split(/(?=HTTP\/1\.1 )/)
    .map((answer) => {
      const [head = '', ...body] = answer.split('\r\n\r\n')
      const [status = '', ...headers] = head.split('\r\n')
      return [status, ...headers.map((header) => header.toLowerCase()).toSorted(), ...body].join(
        '\n'
      )
    })
    .join('\n\n')

const post = (text: string, headers = ''): string =>
  `POST /echo/a/say HTTP/1.1\r\nHost: localhost\r\nx-request-id: r1\r\n${headers}content-length: ${text.length}\r\n\r\n${text}`

test('whatever comes on a connection, however it is cut, is answered as Node’s own server answers it', async () => {
  const request = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.string({ maxLength: 30, unit: 'grapheme-ascii' }).map((text) => post(text)),
    },
    fc.constantFrom(
      post('bad'),
      post('x', 'authorization: Bearer good\r\nx-trestle-project: p\r\n'),
      post('x', 'authorization: Bearer wrong\r\n'),
      post('x', 'x-agent:  spaced \t\r\n'),
      post('x', 'x-agent: one\r\nX-Agent: two\r\n'),
      post('x', 'x-agent: caf\u00e9\r\n'),
      post('x', 'origin: http://elsewhere.example\r\n'),
      post('x').replace('/echo/a/say', '/echo/a%2fb/say?x=1'),
      post('x').replace('/echo/a/say', '/echo/a/b/say'),
      'POST /echo/a/say HTTP/1.1\r\nhost: localhost\r\nx-request-id: r1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      'GET /other HTTP/1.1\r\nhost: localhost\r\nx-request-id: r1\r\n\r\n'
    )
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(400), { maxLength: 6 }),
      async (requests, cuts) => {
        const text = `${requests.join('')}${LAST.replace('localhost', 'localhost\r\nx-request-id: r1')}`
        const pieces: string[] = []
        let at = 0
        for (const cut of cuts) pieces.push(text.slice(at, (at += cut)))
        pieces.push(text.slice(at))
        const [ours, nodes] = await Promise.all([talk(direct, pieces), talk(plain, [text])])
        expect(comparable(ours)).toBe(comparable(nodes))
      }
    ),
    { numRuns: 150 }
  )
})

test('a head that is damaged is refused as Node refuses it', async () => {
  const good = post('hello', 'x-agent: me\r\n')
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.indexOf('content-length') - 1),
      fc.constantFrom('\0', '\n', '\r', ' ', ':', '\u0080', '\t', '\r\n ', '\r\n\r\n', '9'),
      async (at, damage) => {
        const text = `${good.slice(0, at)}${damage}${good.slice(at + 1)}${LAST}`
        const [ours, nodes] = await Promise.all([talk(direct, [text]), talk(plain, [text])])
        // What follows a connection's last answer differs with who parses ahead; nobody reads it.
        const code = (said: string): string | undefined => /^HTTP\/1\.1 \d+/.exec(said)?.[0]
        expect(code(ours)).toBe(code(nodes))
      }
    ),
    { numRuns: 150 }
  )
})

test('a body over the limit is refused before it is sent', async () => {
  const head = 'POST /echo/a/say HTTP/1.1\r\nHost: localhost\r\ncontent-length: 2500\r\n\r\n'
  const said = await talk(direct, [head, 'x'])
  expect(said).toMatch(/^HTTP\/1\.1 413 [^]*"code":"request.too_large"/)
})

test('closing ends idle connections and answers what is under way', async () => {
  const app = await start(true)
  const idle = talk(app, [])
  const busy = talk(app, [post('slow')])
  await expect.poll(() => answerSlow).not.toBeNull()
  const closed = app.close()
  expect(await idle).toBe('')
  answerSlow?.()
  expect(await busy).toMatch(/^HTTP\/1\.1 200 OK[^]*Connection: close[^]*"text":"slow"/)
  await closed
})

test('an answer with a header that none may have is a failure of its own, and the next request is answered', async () => {
  const { port } = direct.server.address() as AddressInfo
  const at = `http://127.0.0.1:${port}/echo/a/say`
  const failed = await fetch(at, { method: 'POST', body: 'unsayable' })
  expect(failed.status).toBe(500)
  expect((await fetch(at, { method: 'POST', body: 'hello' })).status).toBe(200)
})
