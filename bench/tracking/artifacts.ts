/** An artifact of 1 GB up and down, beside a bare node:http server that streams the same bytes to and from disk. `npm run bench:tracking -- artifacts`. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { median } from '../lib/statistics.ts'
import { here, start } from './servers.ts'

const MB = 1 << 20
const SIZE = 1_024 * MB
const ROUNDS = 3

/** Different bytes each time, so that none are known already. */
function* bytes(seed: number): Generator<Buffer> {
  const block = Buffer.alloc(MB)
  for (let i = 0; i < MB; i += 4) block.writeUInt32LE(Math.imul(i ^ seed, 2654435761) >>> 0, i)
  for (let sent = 0; sent < SIZE; sent += MB) {
    block.writeUInt32LE(sent / MB, 0)
    yield Buffer.from(block)
  }
}

const up = (url: string, seed: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const call = request(
      url,
      {
        method: 'PUT',
        headers: { 'content-length': SIZE, 'content-type': 'application/octet-stream' },
      },
      (answer) => {
        answer.resume()
        answer.on('end', () =>
          answer.statusCode === 200
            ? resolve((performance.now() - began) / 1_000)
            : reject(new Error(`PUT ${url}: ${answer.statusCode ?? 0}`))
        )
      }
    )
    call.on('error', reject)
    Readable.from(bytes(seed)).pipe(call)
  })

const down = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    let got = 0
    request(url, (answer) => {
      answer.on('data', (chunk: Buffer) => (got += chunk.length))
      answer.on('end', () =>
        got === SIZE
          ? resolve((performance.now() - began) / 1_000)
          : reject(new Error(`GET ${url} told ${got} bytes`))
      )
    })
      .on('error', reject)
      .end()
  })

/** What Trestle is measured against: no hash, no name, no record; the same sync to disk. */
async function bare(dir: string): Promise<{ url: string; stop: () => void }> {
  const server = createServer((asked, answer) => {
    const path = join(dir, 'bare')
    void (async () => {
      if (asked.method === 'PUT') {
        await pipeline(asked, createWriteStream(path))
        const file = await open(path)
        await file.sync()
        await file.close()
        answer.end()
      } else {
        answer.writeHead(200, { 'content-length': (await stat(path)).size })
        await pipeline(createReadStream(path), answer)
      }
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/file`, stop: () => server.close() }
}

export async function benchArtifacts(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-artifacts-'))
  const plain = await bare(dir)
  const trestle = await start('Trestle', (port, folder) => [
    process.execPath,
    [
      here('../../packages/cli/bin/trestle.mjs'),
      ...['serve', '--port', String(port), '--data', join(folder, 'data'), '--log-level', 'error'],
    ],
  ])
  const url = `${trestle.url}/api/2.0/mlflow-artifacts/artifacts/0/bench/big.bin`
  const times = { up: [[], []] as number[][], down: [[], []] as number[][] }
  try {
    for (let round = 0; round < ROUNDS; round++)
      for (const [i, at] of [url, plain.url].entries()) {
        times.up[i]?.push(await up(at, round))
        times.down[i]?.push(await down(at))
      }
    console.log('| 1 GiB | Trestle s | bare node:http s | times |\n|---|---|---|---|')
    for (const way of ['up', 'down'] as const) {
      const [ours, theirs] = times[way].map(median)
      if (ours === undefined || theirs === undefined) throw new Error('two servers are measured')
      console.log(
        `| ${way} | ${ours.toFixed(2)} | ${theirs.toFixed(2)} | ${(ours / theirs).toFixed(2)} |`
      )
    }
  } finally {
    plain.stop()
    await trestle.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
