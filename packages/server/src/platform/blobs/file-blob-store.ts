import { createReadStream, mkdirSync } from 'node:fs'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDigest, type BlobStore, type Digest } from './blob-store.ts'
import { createTurns } from './turns.ts'
import { isCode, linkOnce, spool } from './spool.ts'

/** Few large reads: each costs a turn of the event loop. */
const READ_BYTES = 512 * 1024

/** Blobs as files named by their hash, two levels deep. A blob appears by a hard link from a synced temporary file, so it is never seen half-written. */
export function createFileBlobStore(root: string): BlobStore {
  const incoming = join(root, 'incoming')
  const turns = createTurns()
  mkdirSync(incoming, { recursive: true })

  const pathOf = (digest: Digest): string | null =>
    isDigest(digest) ? join(root, digest.slice(0, 2), digest.slice(2, 4), digest) : null

  const publish = async (temporary: string, digest: Digest): Promise<void> => {
    const target = pathOf(digest)
    if (target === null) throw new Error(`Not a digest: ${digest}`)
    await mkdir(dirname(target), { recursive: true })
    await linkOnce(temporary, target)
    await syncDirectory(dirname(target))
  }

  return {
    put: (...given) =>
      spool(incoming, given, ({ path, digest }) => turns.take(digest, () => publish(path, digest))),

    async open(digest, range) {
      const path = pathOf(digest)
      const size = path === null ? null : await sizeOf(path)
      if (path === null || size === null) return null
      return { stream: createReadStream(path, { ...range, highWaterMark: READ_BYTES }), size }
    },

    async has(digest) {
      const path = pathOf(digest)
      return path !== null && (await sizeOf(path)) !== null
    },

    async *list() {
      for (const outer of await readdir(root)) {
        if (outer.length !== 2) continue
        for (const inner of await readdir(join(root, outer))) {
          for (const digest of await readdir(join(root, outer, inner))) {
            const is = await stat(join(root, outer, inner, digest)).catch(() => null)
            if (is !== null) yield { digest, size: is.size, putAt: is.mtimeMs }
          }
        }
      }
    },

    async removeUnlessPut(digest, before) {
      const path = pathOf(digest)
      if (path === null) return false
      return turns.take(digest, async () => {
        const is = await stat(path).catch(() => null)
        if (is === null || is.mtimeMs >= before) return false
        await rm(path)
        return true
      })
    },

    async localPath(digest) {
      const path = pathOf(digest)
      return path !== null && (await sizeOf(path)) !== null ? path : null
    },
  }
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
