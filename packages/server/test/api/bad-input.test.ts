import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { problem } from '@trestle/contract'
import { spawnServer, type ServerProcess } from '../support/process.ts'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let server: ServerProcess
let dataDir = ''

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trestle-bad-'))
  server = await spawnServer(dataDir)
})
afterAll(async () => {
  await server.kill('SIGTERM')
  await rm(dataDir, { recursive: true, force: true })
})

const send = async (path: string, init: RequestInit) => {
  const response = await fetch(server.url + path, init)
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    problem: problem.parse(await response.json()),
  }
}
const json = { 'content-type': 'application/json' }

test.each([
  [
    'malformed JSON',
    '/api/projects',
    { method: 'POST', headers: json, body: '{"name": ' },
    400,
    'request.malformed',
  ],
  [
    'a wrong content type',
    '/api/projects',
    { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' },
    415,
    'request.unsupported_media_type',
  ],
  [
    'a name with ../',
    '/api/projects',
    { method: 'POST', headers: json, body: '{"name": "../etc"}' },
    400,
    'request.invalid',
  ],
  [
    'an unknown field',
    '/api/projects',
    { method: 'POST', headers: json, body: '{"name": "a", "colour": 1}' },
    400,
    'request.invalid',
  ],
  ['no body', '/api/projects', { method: 'POST' }, 400, 'request.invalid'],
  ['an unknown id', '/api/keys/key_nope', { method: 'DELETE' }, 404, 'resource.not_found'],
  ['an unknown route', '/api/nope', {}, 404, 'request.not_found'],
  [
    'a path that climbs',
    '/api/keys/..%2f..%2fetc',
    { method: 'DELETE' },
    404,
    'resource.not_found',
  ],
  [
    '__proto__ in the body',
    '/api/projects',
    { method: 'POST', headers: json, body: '{"name": "a", "__proto__": {"x": 1}}' },
    400,
    'request.malformed',
  ],
] as const)(
  '%s is answered with a problem that names it',
  async (_name, path, init, status, code) => {
    const answer = await send(path, init)
    expect(answer).toMatchObject({
      status,
      type: expect.stringContaining('application/problem+json'),
      problem: { code, status },
    })
    expect(answer.problem.requestId).toMatch(/^req_/)
    expect(answer.problem.detail.length).toBeGreaterThan(5)
  }
)

test(
  'a body of 1 GB is refused before it is read, declared or not, and memory stays flat',
  { timeout: 60_000 },
  async () => {
    const before = await residentMb()
    expect(await upload(`content-length: ${2 ** 30}`)).toBe(413)
    expect(await upload('transfer-encoding: chunked')).toBe(413)
    // The limit is 64 MB: what was buffered until the limit is garbage by now, and nowhere near 1 GB.
    expect((await residentMb()) - before).toBeLessThan(250)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  }
)

/** Streams up to 1 GB of spaces to a JSON route until the server answers. Over a bare socket: an HTTP client hides the answer when its own writing fails first. */
function upload(header: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url)
    const isChunked = header.startsWith('transfer-encoding')
    const megabyte = Buffer.alloc(1 << 20, ' ')
    const chunk = isChunked
      ? Buffer.concat([Buffer.from('100000\r\n'), megabyte, Buffer.from('\r\n')])
      : megabyte
    const socket = connect(Number(port), hostname)
    let sent = 0
    socket.on('data', (data) => {
      socket.destroy()
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString())?.[1] ?? 0))
    })
    socket.on('error', () => undefined) // the server hangs up once it has answered
    socket.on('close', () => reject(new Error(`Hung up without an answer after ${sent} MB`)))
    const pump = (): void => {
      while (!socket.destroyed && socket.writable && sent < 1024) {
        sent++
        if (!socket.write(chunk)) return void socket.once('drain', pump)
      }
    }
    socket.write(
      `POST /api/projects HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\n${header}\r\n\r\n`
    )
    pump()
  })
}

async function residentMb(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
