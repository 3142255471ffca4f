import { z } from 'zod'
import type { Features } from '../modules/features/index.ts'
import type { ReferenceFile, ReferenceFiles } from '../modules/monitoring/index.ts'
import type { DatasetRecord, RunRecord, Tracking } from '../modules/tracking/index.ts'
import type { BlobStore, Digest } from '../platform/blobs/index.ts'
import { fail } from '../platform/errors.ts'

const FORMAT = /\.(parquet|pq|csv)$/i

/** References of monitors are artifacts of runs and training sets of the feature store. Never a path of this machine: a dataset's source may name one. */
export function referenceFilesFrom(deps: {
  tracking: Pick<Tracking, 'getRun' | 'listFiles'>
  features: Pick<Features, 'trainingSet'>
  blobs: BlobStore
}): ReferenceFiles {
  const { tracking, features, blobs } = deps

  async function open(name: string, digest: Digest): Promise<ReferenceFile> {
    const path = await blobs.localPath(digest)
    if (path === null) throw fail('resource.not_found', `The bytes of "${name}" are gone`)
    return { path, format: /\.csv$/i.test(name) ? 'csv' : 'parquet' }
  }

  /** What is logged as dataset where the bytes are ours: an artifact, or a training set of the feature store by its digest. */
  async function ofDataset(run: RunRecord, dataset: DatasetRecord): Promise<ReferenceFile | null> {
    const uri = sourceUri(dataset.source)
    if (uri === null) return null
    const files = await tracking.listFiles(run.project, uri)
    const file = files.find(({ path }) => FORMAT.test(path)) ?? files[0]
    if (file === undefined) return null
    return open(FORMAT.test(file.path) ? file.path : uri, file.digest)
  }

  return {
    async ofRun({ project, runId, path }) {
      const run = await tracking.getRun(project, runId)
      if (run === null) throw fail('resource.not_found', `No run "${runId}"`)
      const files = await tracking.listFiles(project, run.artifactUri)
      if (path !== null) {
        const file = files.find((one) => one.path === path)
        if (file === undefined)
          throw fail('resource.not_found', `Run "${runId}" has no artifact "${path}"`)
        if (!FORMAT.test(path))
          throw fail('request.invalid', `"${path}" is no Parquet or CSV file by its name`)
        return open(file.path, file.digest)
      }
      const training = run.datasets.toSorted((a, b) => rank(a) - rank(b))
      for (const dataset of training) {
        const found = await ofDataset(run, dataset)
        if (found !== null) return found
      }
      const tables = files.filter((one) => FORMAT.test(one.path))
      const [only] = tables
      if (only === undefined)
        throw fail(
          'request.invalid',
          `Run "${runId}" has no Parquet or CSV artifact to be a reference: log its training set as one`
        )
      if (tables.length > 1)
        throw fail(
          'request.invalid',
          `Run "${runId}" has several: give "path", one of ${tables.map((one) => one.path).join(', ')}`
        )
      return open(only.path, only.digest)
    },
    async ofTrainingSet(project, name) {
      const set = await features.trainingSet(project, name)
      if (set === null) throw fail('resource.not_found', `No training set "${name}"`)
      return open(`${name}.parquet`, set.digest)
    },
  }
}

const source = z.looseObject({ uri: z.string() })

function sourceUri(text: string): string | null {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return null
  }
  const parsed = source.safeParse(json)
  return parsed.success && /^(mlflow-artifacts|runs|models):/.test(parsed.data.uri)
    ? parsed.data.uri
    : null
}

/** Datasets that were logged as training data come first. */
const rank = ({ tags }: DatasetRecord): number =>
  tags.some((tag) => tag.key === 'mlflow.data.context' && /^train/i.test(tag.value)) ? 0 : 1
