import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { fail } from '../../platform/errors.ts'
import type { Job } from './job.ts'
import { workFolder, type ShardOutputs } from './run-shard.ts'

/** The file that says what the output is; nothing counts before it is there. */
export const MANIFEST = '_manifest.json'
const OWNER = 'job.json'

/** Takes the output folder for a job. Throws `batch.output_exists` when anything is in it. */
export async function reserveOutput(job: Job): Promise<void> {
  const { path } = job.spec.output
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw fail('batch.output_exists', `${path} is no folder that can be made`, {
      details: { path },
      cause: error,
    })
  })
  if ((await readdir(path)).length > 0)
    throw fail('batch.output_exists', `${path} is not empty; name a folder that is new`, {
      details: { path },
    })
  await mkdir(workFolder(job))
  await writeWhole(join(workFolder(job), OWNER), { job: job.id })
}

/**
 * Moves the committed attempts into place and then writes the manifest, which is what readers go by. May be done again after a crash at any
 * point: a file that is no longer where its attempt left it is in its place already.
 */
export async function publish(
  job: Job,
  shards: readonly Readonly<{ shard: number; outputs: ShardOutputs }>[]
): Promise<void> {
  const { path } = job.spec.output
  const files: { path: string; rows: number }[] = []
  const failed: { path: string; rows: number }[] = []
  for (const { shard, outputs } of shards) {
    const name = `part-${String(shard).padStart(5, '0')}${extname(outputs.file)}`
    await settle(outputs.file, join(path, name))
    files.push({ path: name, rows: outputs.rows })
    if (outputs.deadLetter === null) continue
    await mkdir(join(path, 'failed'), { recursive: true })
    await settle(outputs.deadLetter, join(path, 'failed', name))
    failed.push({ path: join('failed', name), rows: outputs.rowsFailed })
  }
  await writeWhole(join(path, MANIFEST), {
    job: job.id,
    model: job.model,
    input: job.spec.input,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
    files,
    failed,
  })
  await rm(workFolder(job), { recursive: true, force: true })
}

/** Removes what a cancelled job had made. */
export async function discard(job: Job): Promise<void> {
  await rm(workFolder(job), { recursive: true, force: true })
}

async function settle(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    await access(to).catch(() => {
      throw fail('batch.output_failed', `${basename(from)} can't be moved to ${to}`, {
        cause: error,
      })
    })
  }
}

async function writeWhole(path: string, value: object): Promise<void> {
  const temporary = `${path}.tmp`
  const handle = await open(temporary, 'w')
  try {
    await handle.writeFile(`${JSON.stringify(value, null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
}
