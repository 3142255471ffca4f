import { readFile } from 'node:fs/promises'
import type { BlobStore } from '../../platform/blobs/index.ts'
import type { VersionFile } from './model-version.ts'

const NAMES = ['serving_input_example.json', 'input_example.json']
const MAX_BYTES = 16 * 1024 * 1024

/** The input example that MLflow kept with a model, parsed; null when there is none, or it is no JSON of a reasonable size. */
export async function readInputExample(
  blobs: BlobStore,
  files: readonly VersionFile[]
): Promise<unknown> {
  for (const name of NAMES) {
    const file = files.find((f) => f.path === name)
    if (file === undefined || file.size > MAX_BYTES) continue
    const path = await blobs.localPath(file.digest)
    if (path === null) continue
    try {
      return JSON.parse(await readFile(path, 'utf8')) as unknown
    } catch {
      continue // an example that can't be read says nothing of the model
    }
  }
  return null
}
