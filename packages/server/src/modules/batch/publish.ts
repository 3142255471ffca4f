import { createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { Readable } from 'node:stream'
import { fail } from '../../platform/errors.ts'
import type { S3 } from '../../platform/s3/index.ts'
import type { Job } from './job.ts'
import type { ShardOutputs } from './run-shard.ts'

/** The file that says what the output is; nothing counts before it is there. */
const MANIFEST = '_manifest.json'
const OWNER = 'job.json'

/** Where jobs write to, while they work and in the end. */
export interface Outputs {
  /** Where the attempts of a job lie until they are published. */
  workFolder(job: Job): string
  /** Takes the output folder for a job. Throws `batch.output_exists` when anything is in it. */
  reserve(job: Job): Promise<void>
  /**
   * Puts the committed attempts into place and then writes the manifest, which is what readers go by. May be done again after a crash at any
   * point: a file that is no longer where its attempt left it is in its place already.
   */
  publish(
    job: Job,
    shards: readonly Readonly<{ shard: number; outputs: ShardOutputs }>[]
  ): Promise<void>
  /** Removes what a cancelled job had made. */
  discard(job: Job): Promise<void>
}

/** `workDir` is for jobs whose output is no folder of this machine. */
export function createOutputs({ s3, workDir }: { s3: S3; workDir: string }): Outputs {
  const isObjects = ({ spec }: Job): boolean => spec.output.path.startsWith('s3://')
  const urlOf = (job: Job, name: string): string =>
    `${job.spec.output.path.replace(/\/+$/, '')}/${name}`
  const workFolder = (job: Job): string =>
    isObjects(job) ? join(workDir, job.id) : join(job.spec.output.path, '_trestle')

  const put = (job: Job, from: string, name: string): Promise<void> =>
    isObjects(job)
      ? s3.write(urlOf(job, name), createReadStream(from))
      : settle(from, join(job.spec.output.path, name))

  return {
    workFolder,
    async reserve(job) {
      const { path } = job.spec.output
      if (isObjects(job)) {
        for await (const { url } of s3.list(urlOf(job, '')))
          throw fail('batch.output_exists', `${path} is not empty (${url}); name a new prefix`, {
            details: { path },
          })
      } else {
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
      }
      await mkdir(workFolder(job), { recursive: true })
      await writeWhole(join(workFolder(job), OWNER), { job: job.id })
    },
    async publish(job, shards) {
      const { path } = job.spec.output
      const files: { path: string; rows: number }[] = []
      const failed: { path: string; rows: number }[] = []
      for (const { shard, outputs } of shards) {
        const name = `part-${String(shard).padStart(5, '0')}${extname(outputs.file)}`
        await put(job, outputs.file, name)
        files.push({ path: name, rows: outputs.rows })
        if (outputs.deadLetter === null) continue
        if (!isObjects(job)) await mkdir(join(path, 'failed'), { recursive: true })
        await put(job, outputs.deadLetter, `failed/${name}`)
        failed.push({ path: `failed/${name}`, rows: outputs.rowsFailed })
      }
      const manifest = {
        job: job.id,
        model: job.model,
        input: job.spec.input,
        rows: files.reduce((sum, file) => sum + file.rows, 0),
        files,
        failed,
      }
      if (isObjects(job))
        await s3.write(urlOf(job, MANIFEST), Readable.from([Buffer.from(textOf(manifest))]))
      else await writeWhole(join(path, MANIFEST), manifest)
      await rm(workFolder(job), { recursive: true, force: true })
    },
    discard: (job) => rm(workFolder(job), { recursive: true, force: true }),
  }
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
    await handle.writeFile(textOf(value))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
}

const textOf = (value: object): string => `${JSON.stringify(value, null, 2)}\n`
