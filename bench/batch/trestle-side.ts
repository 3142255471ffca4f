import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient } from '@trestle/sdk'
import { COLUMNS } from './table.ts'

export type Measured = Readonly<{ rows: number; seconds: number; cpu: number }>

const BIN = fileURLToPath(new URL('../../packages/cli/bin/trestle.mjs', import.meta.url))

/** A server with the model; each run is a whole job, from the request to the published output. */
export async function startTrestle(model: string): Promise<{
  run: (input: string, output: string, batchRows: number) => Promise<Measured>
  peakMiB: () => Promise<number>
  stop: () => Promise<void>
}> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-bench-'))
  const child = spawn(
    process.execPath,
    [BIN, 'serve', '--port', '0', '--data', dataDir, '--log-level', 'error'],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  const client = createClient({ url })
  await client.uploadModel('fraud', await readFile(model), {
    signature: {
      inputs: COLUMNS.map((name) => ({ name, type: 'float' })),
      outputs: [
        { name: 'label', type: 'long' },
        { name: 'score', type: 'float' },
      ],
    },
  })
  const proc = (file: string) => readFile(`/proc/${child.pid ?? 0}/${file}`, 'utf8')
  /** User and system time of the process, in the hundredths of a second that Linux counts in. */
  const cpuSeconds = async (): Promise<number> => {
    const fields = (await proc('stat')).replace(/^.*\) /s, '').split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
  return {
    async run(input, output, batchRows) {
      const before = await cpuSeconds()
      const { id } = await client.batch.createJob({
        model: 'fraud/1',
        input: { path: input },
        output: { path: output },
        batchRows,
      })
      for (;;) {
        const job = await client.batch.getJob({ id })
        if (job.state === 'failed') throw new Error(job.error ?? 'it failed')
        if (job.state === 'done' && job.endedAt !== null)
          return {
            rows: job.rows.done,
            seconds: (job.endedAt - job.createdAt) / 1_000,
            cpu: (await cpuSeconds()) - before,
          }
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
    peakMiB: async () => Number(/^VmHWM:\s+(\d+)/m.exec(await proc('status'))?.[1] ?? NaN) / 1_024,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
