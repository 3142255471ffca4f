import { createReadStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import type { S3 } from '../s3/index.ts'
import { createBlobCache } from './blob-cache.ts'
import { isDigest, type BlobStore, type Digest } from './blob-store.ts'
import { spool } from './spool.ts'

/** Blobs as objects `<url>/ab/cd/<digest>`, with a bounded cache of files beside, for engines that read paths. */
export function createS3BlobStore(
  s3: S3,
  at: { url: string; localDir: string; cacheBytes: number; clock: Clock }
): BlobStore {
  const incoming = join(at.localDir, 'incoming')
  mkdirSync(incoming, { recursive: true })
  const cache = createBlobCache({
    dir: join(at.localDir, 'cache'),
    maxBytes: at.cacheBytes,
    clock: at.clock,
  })
  const root = at.url.replace(/\/+$/, '')
  const urlOf = (digest: Digest): string =>
    `${root}/${digest.slice(0, 2)}/${digest.slice(2, 4)}/${digest}`

  const bytesOf = async (digest: Digest): Promise<Readable | null> =>
    (await s3.read(urlOf(digest)))?.stream ?? null

  return {
    // The name is known only once all bytes are, hence a file first; it then serves as the cache's copy.
    put: (...given) =>
      spool(incoming, given, async ({ path, digest, size }) => {
        const url = urlOf(digest)
        if ((await s3.head(url))?.size !== size) await s3.write(url, createReadStream(path))
        await cache.adopt(digest, path)
      }),

    open: async (digest, range) => (isDigest(digest) ? s3.read(urlOf(digest), range) : null),

    has: async (digest) => isDigest(digest) && (await s3.head(urlOf(digest))) !== null,

    async delete(digest) {
      if (!isDigest(digest)) return
      await s3.remove(urlOf(digest))
      await cache.drop(digest)
    },

    localPath: async (digest) =>
      isDigest(digest) ? cache.path(digest, () => bytesOf(digest)) : null,
  }
}
