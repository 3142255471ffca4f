/** A real MLServer behind our endpoints, over REST and gRPC. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@trestle/sdk'
import { freePort } from '../../packages/server/test/support/free-port.ts'
import { pythonWith } from '../lib/python.ts'

const url = process.env['TRESTLE_URL'] ?? ''
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const client = createClient({ url })

const python = await pythonWith(pathOf('requirements.txt'))
const [http_port, grpc_port, metrics_port] = [await freePort(), await freePort(), await freePort()]
const folder = await mkdtemp(join(tmpdir(), 'mlserver-'))
await cp(pathOf('models'), folder, { recursive: true })
const settings = { host: '127.0.0.1', http_port, grpc_port, metrics_port, parallel_workers: 0 }
await writeFile(join(folder, 'settings.json'), JSON.stringify(settings))
const mlserver = spawn(join(dirname(python), 'mlserver'), ['start', folder], { stdio: 'ignore' })
for (let tries = 0; tries < 240; tries++) {
  const ready = await fetch(`http://127.0.0.1:${http_port}/v2/models/sums/ready`).catch(() => null)
  if (ready?.ok === true) break
  await new Promise((resolve) => setTimeout(resolve, 250))
}

let passed = 0
let failed = 0
async function check(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
    passed++
  } catch (error) {
    failed++
    console.log(`FAILED: ${what}: ${String(error)}`)
  }
}
function equal(got: unknown, expected: unknown): void {
  if (JSON.stringify(got) !== JSON.stringify(expected))
    throw new Error(`${JSON.stringify(got)}, not ${JSON.stringify(expected)}`)
}
const post = async (path: string, body: unknown): Promise<{ status: number; json: unknown }> => {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
  return { status: response.status, json: await response.json() }
}

const remotes = {
  'sums-rest': `http://127.0.0.1:${http_port}`,
  'sums-grpc': `grpc://127.0.0.1:${grpc_port}`,
}
try {
  for (const [name, address] of Object.entries(remotes)) {
    await check(`${name} is taken with the inputs that MLServer says`, async () => {
      await client.serving.createEndpoint({ name, remote: { url: address, model: 'sums' } })
      const { inputs, outputs } = await client.serving.getSchema({ endpoint: name })
      equal(inputs, [{ name: 'x', datatype: 'FP64', shape: [-1, 3] }])
      equal(outputs, [{ name: 'sum', datatype: 'FP64', shape: [-1, 1] }])
    })
    await check(`${name} answers rows, to the last bit`, async () => {
      const { predictions } = (
        await post(`/endpoints/${name}/predict`, {
          instances: [
            [0.1, 0.2, 0],
            [1e300, 1, -1e300],
          ],
        })
      ).json as { predictions: { outputs: unknown }[] }
      // Python: 0.1 + 0.2 + 0, and numpy's order of a row of three.
      equal(
        predictions.map(({ outputs }) => outputs),
        [{ sum: 0.30000000000000004 }, { sum: 0 }]
      )
    })
    await check(`${name} passes on what MLServer refuses`, async () => {
      const { status } = await post(`/v2/models/${name}/infer`, {
        inputs: [{ name: 'x', datatype: 'FP64', shape: [1, 2], data: [1, 2] }],
      })
      equal(status, 400)
    })
  }
  mlserver.kill('SIGKILL')
  await once(mlserver, 'exit')
  for (const name of Object.keys(remotes))
    await check(`${name} says that MLServer is gone`, async () => {
      const { status, json } = await post(`/endpoints/${name}/predict`, { instances: [[1, 2, 3]] })
      equal([status, (json as { code: string }).code], [502, 'serving.upstream_failed'])
    })
} finally {
  mlserver.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
