import { createApp, VERSION } from './app.ts'
import { readConfig } from './config.ts'
import { messageOf } from './kernel/errors.ts'

/** The server as a process: settings from `TRESTLE_*`, one line on stdout when it listens, SIGTERM and SIGINT drain. */
async function main(): Promise<number> {
  const config = readConfig(process.env)
  const app = createApp(config)
  const { url } = await app.start()
  announce(url)
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
  await app.stop()
  return 0
}

function announce(url: string): void {
  if (!process.stdout.isTTY) {
    process.stdout.write(
      `${JSON.stringify({ event: 'listening', url, version: VERSION, pid: process.pid })}\n`
    )
    return
  }
  process.stdout.write(`
  Trestle ${VERSION} is up.

    Console    ${url}
    API        ${url}/docs
    MLflow     export MLFLOW_TRACKING_URI=${url}
    Metrics    ${url}/metrics

  Ctrl-C stops it.

`)
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`trestle: ${messageOf(error)}\n`)
  return 1
})
