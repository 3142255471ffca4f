import { readFile } from 'node:fs/promises'
import { messageOf } from '../../kernel/errors.ts'
import type { BlobStore } from '../../platform/blobs/index.ts'
import { readInputExample } from './input-example.ts'
import { parseMlModel, type MlModel } from './mlmodel.ts'
import type { ModelVersionRecord, VersionFile } from './model-version.ts'
import { checkLoads } from './onnx/check-loads.ts'
import { feedsFromExample } from './onnx/example-feeds.ts'
import { readOnnx } from './onnx/read-onnx.ts'
import type { VersionFolder } from './version-folder.ts'

/** What is learnt from a version's files, once, when it is made. */
export type Seal = Pick<
  ModelVersionRecord,
  'status' | 'statusMessage' | 'flavor' | 'onnxFile' | 'onnx' | 'signature'
>

const MAX_MLMODEL_BYTES = 4 * 1024 * 1024

/** Looks into a version's files. A model that can't be read is sealed as failed, with the reason: it must not wait to fail under traffic. */
export async function seal(
  deps: { blobs: BlobStore; folder: VersionFolder },
  files: readonly VersionFile[]
): Promise<Seal> {
  try {
    const described = await readDescription(deps.blobs, files)
    const onnxFile = findOnnx(described, files)
    const base = { signature: described?.signature ?? null, onnxFile: onnxFile?.path ?? null }
    if (onnxFile === null)
      return { ...base, status: 'READY', statusMessage: null, flavor: 'other', onnx: null }
    return { ...base, ...(await sealOnnx(deps, files, onnxFile)) }
  } catch (error) {
    return {
      status: 'FAILED_REGISTRATION',
      statusMessage: messageOf(error),
      flavor: 'other',
      onnxFile: null,
      onnx: null,
      signature: null,
    }
  }
}

async function sealOnnx(
  deps: { blobs: BlobStore; folder: VersionFolder },
  files: readonly VersionFile[],
  file: VersionFile
): Promise<Pick<Seal, 'status' | 'statusMessage' | 'flavor' | 'onnx'>> {
  const failed = (statusMessage: string) => ({
    status: 'FAILED_REGISTRATION' as const,
    statusMessage,
    flavor: 'onnx' as const,
    onnx: null,
  })
  const path = await deps.blobs.localPath(file.digest)
  if (path === null) return failed(`The bytes of ${file.path} are gone`)
  try {
    const onnx = readOnnx(path)
    const base = file.path.slice(0, file.path.lastIndexOf('/') + 1)
    const missing = onnx.externalFiles.find((name) => !files.some((f) => f.path === base + name))
    if (missing !== undefined)
      return failed(`${file.path} keeps weights in ${missing}, which is not among the files`)
    const example = await readInputExample(deps.blobs, files)
    await checkLoads(files, {
      locate: () => deps.folder.localFile(files, file.path),
      example: example === null ? null : feedsFromExample(example, onnx.inputs),
    })
    return { status: 'READY', statusMessage: null, flavor: 'onnx', onnx }
  } catch (error) {
    return failed(`${file.path} is not a valid ONNX model: ${messageOf(error)}`)
  }
}

async function readDescription(
  blobs: BlobStore,
  files: readonly VersionFile[]
): Promise<MlModel | null> {
  const file = files.find((f) => f.path === 'MLmodel')
  const path = file === undefined ? null : await blobs.localPath(file.digest)
  if (file === undefined || path === null) return null
  if (file.size > MAX_MLMODEL_BYTES) throw new Error('its MLmodel file is too large')
  return parseMlModel(await readFile(path, 'utf8'))
}

/** The ONNX file: the one that MLmodel names, or the only one there is. */
function findOnnx(described: MlModel | null, files: readonly VersionFile[]): VersionFile | null {
  if (described !== null && described.onnxFile === null) return null
  if (described?.onnxFile != null) {
    const named = files.find((f) => f.path === described.onnxFile)
    if (named === undefined)
      throw new Error(`MLmodel names ${described.onnxFile}, which is not among the files`)
    return named
  }
  const candidates = files.filter((f) => f.path.endsWith('.onnx'))
  return candidates.length === 1 ? (candidates[0] ?? null) : null
}
