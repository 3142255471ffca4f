import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { serverProgram } from '../server-program.ts'

type DemoOptions = { port: string; exit?: boolean; data?: string }

/** `trestle demo`: a server of its own, the whole payments story told through the public API, and the server left up to look around. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'see the whole loop on a simulated payments service: features, serving, shadow, canary, rollback, drift, the bill'
    )
    .option('--port <number>', 'port; 0 picks a free one', '4400')
    .option('--data <folder>', 'where to keep its files; a temporary folder otherwise')
    .option('--exit', 'stop at the end; exit code 0 only if every step did what it says')
    .action(async (options: DemoOptions) => {
      const server = await startServer(options)
      const isOver = once(server.process, 'exit')
      for (const signal of ['SIGINT', 'SIGTERM'] as const)
        process.once(signal, () => void server.process.kill('SIGTERM'))
      try {
        const { tellStory } = await import('@trestle/example-payments-risk/story')
        await tellStory({ url: server.url, terminal: process.stdout })
      } catch (error) {
        server.process.kill('SIGTERM')
        await isOver
        throw error
      }
      if (options.exit === true) server.process.kill('SIGTERM')
      else
        process.stdout.write(
          `\nTrestle stays up: the console is at ${server.url} and the API at ${server.url}/docs. Ctrl-C stops it.\n`
        )
      await isOver
    })
}

async function startServer(
  options: DemoOptions
): Promise<{ url: string; process: ReturnType<typeof spawn> }> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'trestle-demo-')))
  const server = spawn(process.execPath, [...process.execArgv, serverProgram()], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Looks come every second, so that a story of a minute has many; a live system can wait longer between them.
    env: {
      ...process.env,
      TRESTLE_PORT: options.port,
      TRESTLE_DATA: data,
      TRESTLE_LOG_LEVEL: process.env['TRESTLE_LOG_LEVEL'] ?? 'warn',
      TRESTLE_ROLLOUT_LOOK_MS: '1000',
    },
  })
  const lines = createInterface({ input: server.stdout })
  const first = await Promise.race([once(lines, 'line'), once(server, 'exit').then(() => null)])
  if (first === null) throw new Error('the server did not start; what it said is above')
  const { url } = JSON.parse(String(first[0])) as { url: string }
  return { url, process: server }
}
