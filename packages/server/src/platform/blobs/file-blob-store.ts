import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync } from 'node:fs'
import { link, mkdir, open, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fail } from '../errors.ts'
import type { BlobStore, Digest, StoredBlob } from './blob-store.ts'

const DIGEST = /^[0-9a-f]{64}$/

/** Blobs as files named by their hash, two levels deep. A blob appears by a hard link from a synced temporary file, so it is never seen half-written. */
export function createFileBlobStore(root: string): BlobStore {
  const incoming = join(root, 'incoming')
  mkdirSync(incoming, { recursive: true })

  const pathOf = (digest: Digest): string | null =>
    DIGEST.test(digest) ? join(root, digest.slice(0, 2), digest.slice(2, 4), digest) : null

  const publish = async (temporary: string, digest: Digest): Promise<void> => {
    const target = pathOf(digest)
    if (target === null) throw new Error(`Not a digest: ${digest}`)
    await mkdir(dirname(target), { recursive: true })
    await link(temporary, target).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error
    })
    await syncDirectory(dirname(target))
  }

  return {
    async put(source, options = {}) {
      const temporary = join(incoming, randomUUID())
      const file = await open(temporary, 'wx')
      try {
        const stored = await copy(source, file, options.maxBytes ?? Infinity)
        if (options.expected !== undefined && options.expected !== stored.digest) {
          throw fail(
            'request.invalid',
            `The bytes have SHA-256 ${stored.digest}, not ${options.expected}`
          )
        }
        await file.sync()
        await publish(temporary, stored.digest)
        return stored
      } finally {
        await file.close()
        await rm(temporary, { force: true })
      }
    },

    async open(digest, range) {
      const path = pathOf(digest)
      const size = path === null ? null : await sizeOf(path)
      if (path === null || size === null) return null
      return { stream: createReadStream(path, range ?? {}), size }
    },

    async has(digest) {
      const path = pathOf(digest)
      return path !== null && (await sizeOf(path)) !== null
    },

    async delete(digest) {
      const path = pathOf(digest)
      if (path !== null) await rm(path, { force: true })
    },

    async localPath(digest) {
      const path = pathOf(digest)
      return path !== null && (await sizeOf(path)) !== null ? path : null
    },
  }
}

async function copy(
  source: AsyncIterable<Uint8Array>,
  file: FileHandle,
  maxBytes: number
): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of source) {
    size += chunk.byteLength
    if (size > maxBytes) throw fail('request.too_large', `More than ${maxBytes} bytes`)
    hash.update(chunk)
    await file.writeFile(chunk)
  }
  return { digest: hash.digest('hex'), size }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw error
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
