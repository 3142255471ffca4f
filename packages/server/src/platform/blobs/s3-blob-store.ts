import { createReadStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import type { S3 } from '../s3/index.ts'
import { createBlobCache } from './blob-cache.ts'
import { isDigest, type BlobStore, type Digest } from './blob-store.ts'
import { spool } from './spool.ts'
import { createTurns } from './turns.ts'

/** Far less than any grace after which an unused blob is removed. */
const FRESH_MS = 10 * 60_000

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
  const turns = createTurns()
  const root = at.url.replace(/\/+$/, '')
  const urlOf = (digest: Digest): string =>
    `${root}/${digest.slice(0, 2)}/${digest.slice(2, 4)}/${digest}`

  const bytesOf = async (digest: Digest): Promise<Readable | null> =>
    (await s3.read(urlOf(digest)))?.stream ?? null

  return {
    // The name is known only once all bytes are, hence a file first; it then serves as the cache's copy.
    put: (...given) =>
      spool(incoming, given, ({ path, digest, size }) =>
        turns.take(digest, async () => {
          const there = await s3.head(urlOf(digest))
          // An old one is written again, so that it counts as put now.
          if (there?.size !== size || there.modifiedAt < at.clock.now() - FRESH_MS)
            await s3.write(urlOf(digest), createReadStream(path))
          await cache.adopt(digest, path)
        })
      ),

    open: async (digest, range) => (isDigest(digest) ? s3.read(urlOf(digest), range) : null),

    has: async (digest) => isDigest(digest) && (await s3.head(urlOf(digest))) !== null,

    async *list() {
      for await (const object of s3.list(`${root}/`)) {
        const digest = object.url.slice(object.url.lastIndexOf('/') + 1)
        if (object.url === urlOf(digest))
          yield { digest, size: object.size, putAt: object.modifiedAt }
      }
    },

    removeUnlessPut: (digest, before) =>
      turns.take(digest, async () => {
        const there = await s3.head(urlOf(digest))
        if (there === null || there.modifiedAt >= before) return false
        await s3.remove(there.url)
        await cache.drop(digest)
        return true
      }),

    localPath: async (digest) =>
      isDigest(digest) ? cache.path(digest, () => bytesOf(digest)) : null,
  }
}
