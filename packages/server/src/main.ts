import { setFlagsFromString } from 'node:v8'
import { createApp, VERSION, type Listening } from './app.ts'
import { readConfig } from './config.ts'
import { messageOf } from './kernel/errors.ts'

// Otherwise each 64 MB of tensors and columns, which lie outside the heap, mark the whole heap: a third of the time of a batch job.
setFlagsFromString('--external-memory-accounted-in-global-limit')

/** The server as a process: settings from `TRESTLE_*`, one line on stdout when it listens, SIGTERM and SIGINT drain. */
async function main(): Promise<number> {
  const config = readConfig(process.env)
  const app = createApp(config)
  announce(await app.start(), config.host)
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
  await app.stop()
  return 0
}

function announce({ url, grpcPort }: Listening, host: string): void {
  const grpc = grpcPort === null ? null : `${host}:${grpcPort}`
  if (!process.stdout.isTTY) {
    process.stdout.write(
      `${JSON.stringify({ event: 'listening', url, grpc, version: VERSION, pid: process.pid })}\n`
    )
    return
  }
  process.stdout.write(`
  Trestle ${VERSION} is up.

    Console    ${url}
    API        ${url}/docs
    MLflow     export MLFLOW_TRACKING_URI=${url}
    Metrics    ${url}/metrics${grpc === null ? '' : `\n    gRPC       ${grpc}`}

  Ctrl-C stops it.

`)
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`trestle: ${messageOf(error)}\n`)
  return 1
})
