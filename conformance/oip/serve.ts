/**
 * Starts a Trestle with the models of the serving fixtures and runs `test_tritonclient.py` against it:
 * `npx node --conditions=@trestle/source conformance/oip/serve.ts /path/to/python`. Without a Python it only serves, until Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startServing } from '../../packages/server/src/modules/serving/test/fixtures.ts'

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })

const python = process.argv[2]
const grpcPort = await freePort()
const server = await startServing({}, { TRESTLE_GRPC_PORT: String(grpcPort) })
for (const model of ['simple', 'identities', 'text', 'fraud/1'])
  await server.send('POST', '/api/endpoints', { name: model.split('/')[0], model })
console.log(`${server.url}, gRPC at 127.0.0.1:${grpcPort}`)

if (python === undefined) process.once('SIGINT', () => void server.stop())
else {
  const test = fileURLToPath(new URL('./test_tritonclient.py', import.meta.url))
  const args = [test, '--http', new URL(server.url).host, '--grpc', `127.0.0.1:${grpcPort}`]
  const child = spawn(python, args, { stdio: 'inherit' })
  child.once('exit', (code) => {
    process.exitCode = code ?? 1
    void server.stop()
  })
}
