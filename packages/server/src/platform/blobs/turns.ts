import type { Digest } from './blob-store.ts'

/** What is done to one blob is done one at a time, so that none is removed while it is being put. */
export function createTurns() {
  const last = new Map<Digest, Promise<unknown>>()
  return {
    async take<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
      const mine = (last.get(digest) ?? Promise.resolve()).then(work, work)
      last.set(digest, mine)
      try {
        return await mine
      } finally {
        if (last.get(digest) === mine) last.delete(digest)
      }
    },
  }
}
