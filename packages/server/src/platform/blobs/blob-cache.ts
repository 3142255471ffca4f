import { mkdirSync } from 'node:fs'
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import type { Digest } from './blob-store.ts'
import { linkOnce, spool } from './spool.ts'

/** A file asked for this recently may be about to be opened, so it stays. */
const IN_USE_MS = 10 * 60_000

/** Copies of blobs as local files, the longest unused dropped first beyond `maxBytes`. */
export function createBlobCache({
  dir,
  maxBytes,
  clock,
}: {
  dir: string
  maxBytes: number
  clock: Clock
}) {
  mkdirSync(join(dir, 'incoming'), { recursive: true })
  const fetching = new Map<Digest, Promise<string | null>>()
  const pathOf = (digest: Digest): string => join(dir, 'files', digest)

  const adopt = async (digest: Digest, file: string): Promise<void> => {
    await mkdir(join(dir, 'files'), { recursive: true })
    await linkOnce(file, pathOf(digest))
    await shrink()
  }

  const shrink = async (): Promise<void> => {
    const names = await readdir(join(dir, 'files'))
    const files = (
      await Promise.all(
        names.map(async (name) => {
          const is = await stat(pathOf(name)).catch(() => null)
          return is === null ? [] : [{ name, size: is.size, usedAt: is.mtimeMs }]
        })
      )
    ).flat()
    let total = files.reduce((sum, file) => sum + file.size, 0)
    for (const file of files.toSorted((a, b) => a.usedAt - b.usedAt)) {
      if (total <= maxBytes || file.usedAt > clock.now() - IN_USE_MS) return
      await rm(pathOf(file.name), { force: true })
      total -= file.size
    }
  }

  const fetched = async (
    digest: Digest,
    bytes: () => Promise<Readable | null>
  ): Promise<string | null> => {
    const source = await bytes()
    if (source === null) return null
    await spool(join(dir, 'incoming'), [source, { expected: digest }], ({ path }) =>
      adopt(digest, path)
    )
    return pathOf(digest)
  }

  return {
    /** Keeps a file as the copy of a blob, by a hard link. */
    adopt,
    drop: (digest: Digest): Promise<void> => rm(pathOf(digest), { force: true }),
    /** The copy's path; fetched, checked against its name and kept if it isn't there. Null when there are no bytes. */
    async path(digest: Digest, bytes: () => Promise<Readable | null>): Promise<string | null> {
      const now = clock.now() / 1_000
      const isHere = await utimes(pathOf(digest), now, now).then(
        () => true,
        () => false
      )
      if (isHere) return pathOf(digest)
      const underWay = fetching.get(digest)
      if (underWay !== undefined) return underWay
      const fetch = fetched(digest, bytes).finally(() => fetching.delete(digest))
      fetching.set(digest, fetch)
      return fetch
    },
  }
}
