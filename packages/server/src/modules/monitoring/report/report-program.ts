/**
 * The program behind `trestle drift report`: no server, no database. Its one argument is what to do as JSON; the answer is JSON on stdout, or one
 * line on stderr and exit code 1.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { createDuckDb } from '../../../platform/duckdb/index.ts'
import { compareFiles, filesRequest, saveReference } from './compare-files.ts'
import { renderPage } from './html/page.ts'
import { toJunit } from './junit.ts'

const task = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('report'),
    request: filesRequest,
    html: z.string().nullable(),
    junit: z.string().nullable(),
  }),
  z.strictObject({ kind: z.literal('reference'), data: z.string(), to: z.string() }),
])

async function main(): Promise<void> {
  const asked = task.safeParse(JSON.parse(process.argv[2] ?? ''))
  if (!asked.success) throw new Error(z.prettifyError(asked.error))
  const wanted = asked.data
  const temporaryDir = await mkdtemp(join(tmpdir(), 'trestle-report-'))
  const duckdb = createDuckDb({ temporaryDir, memoryLimit: '1GB', threads: 2 })
  try {
    await duckdb.use(async (connection) => {
      if (wanted.kind === 'reference') {
        const reference = await saveReference(connection, wanted.data)
        await writeFile(wanted.to, JSON.stringify(reference))
        answer({ rows: reference.rows, columns: reference.columns.length })
        return
      }
      const report = await compareFiles(connection, wanted.request, systemClock.now())
      if (wanted.html !== null) await writeFile(wanted.html, renderPage(report))
      if (wanted.junit !== null) await writeFile(wanted.junit, toJunit(report))
      answer(report)
    })
  } finally {
    await duckdb.stop()
    await rm(temporaryDir, { recursive: true, force: true })
  }
}

const answer = (value: unknown): void => void process.stdout.write(JSON.stringify(value))

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
})
