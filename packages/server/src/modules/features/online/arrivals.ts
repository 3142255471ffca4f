import type { OnlineStore } from './online-store.ts'

/**
 * How far each feed has come without a gap, so that pushes, which go online at once and may finish out of order, carry the watermark forward
 * and leave nothing for a materialization to bring again.
 */
export function createArrivals(online: OnlineStore) {
  const feeds = new Map<number, { seq: number; done: Map<number, number> }>()

  const of = async (feed: number): Promise<{ seq: number; done: Map<number, number> }> => {
    const known = feeds.get(feed)
    if (known !== undefined) return known
    const seq = (await online.watermark(feed))?.seq ?? 0
    const fresh = feeds.get(feed) ?? { seq, done: new Map<number, number>() }
    feeds.set(feed, fresh)
    return fresh
  }

  return {
    /** Up to which number everything is online. */
    reached: async (feed: number): Promise<number> => (await of(feed)).seq,
    /** A watermark was written that reaches `seq`. */
    raise: async (feed: number, seq: number): Promise<void> => {
      const state = await of(feed)
      state.seq = Math.max(state.seq, seq)
    },
    forget: (feed: number): void => void feeds.delete(feed),
    /**
     * Runs `write` for a batch that ends at `last`, whose storage ended at `previous` before. `write` is given the watermark to keep, or null where
     * an earlier batch is not online yet.
     */
    async carry(
      feed: number,
      batch: { previous: number; last: number },
      write: (reached: number | null, doneSeq: number) => void | Promise<void>
    ): Promise<void> {
      const state = await of(feed)
      const isNext = batch.previous <= state.seq
      await write(isNext ? Math.max(state.seq, batch.last) : null, state.seq)
      state.done.set(batch.previous, batch.last)
      for (const [previous, last] of state.done)
        if (previous <= state.seq) {
          state.seq = Math.max(state.seq, last)
          state.done.delete(previous)
        }
      // What lay behind a gap may follow now.
      for (
        let next = state.done.get(state.seq);
        next !== undefined;
        next = state.done.get(state.seq)
      ) {
        state.done.delete(state.seq)
        state.seq = next
      }
    },
  }
}
export type Arrivals = ReturnType<typeof createArrivals>
