import type { CallLimit } from '../call-limits.ts'
import type { LimitStore } from './store.ts'

/** The limits of callers, in memory; other processes' changes are seen at the next reload. */
export function createLimitBook(store: LimitStore) {
  let limits: readonly CallLimit[] = []
  const reload = async (): Promise<void> => {
    limits = await store.all()
  }
  return {
    known: () => limits,
    reload,
    async put(limit: CallLimit): Promise<void> {
      await store.put(limit)
      await reload()
    },
    async remove(project: string, name: string): Promise<boolean> {
      const isGone = await store.remove(project, name)
      await reload()
      return isGone
    },
  }
}
export type LimitBook = ReturnType<typeof createLimitBook>
