import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFairQueue, type FairQueue, type Place } from './fair-queue.ts'

type Job = Place & { id: number }

const places = fc.array(
  fc.record({
    priority: fc.integer({ min: 1, max: 3 }),
    share: fc.constantFrom('a', 'b', 'c'),
    rows: fc.integer({ min: 1, max: 8 }),
  }),
  { maxLength: 60 }
)
const numbered = (list: readonly Place[]): Job[] => list.map((place, id) => ({ ...place, id }))

/** Both ways to take one: by itself, and as a batch of one. */
function takeOne(queue: FairQueue<Job>): Job | undefined {
  if (queue.size % 2 === 0) return queue.shift()
  const [first, ...left] = queue.jobs()
  if (first !== undefined) queue.keep(left, [first])
  return first
}

test('nothing waits behind a lower priority, and what one caller sent keeps its order', () => {
  fc.assert(
    fc.property(places, fc.array(fc.boolean()), (list, takes) => {
      const queue = createFairQueue<Job>()
      const out: Job[] = []
      for (const [i, job] of numbered(list).entries()) {
        queue.push(job)
        if (takes[i] !== true) continue
        const most = Math.min(...queue.jobs().map(({ priority }) => priority))
        const taken = takeOne(queue)
        expect(taken?.priority).toBe(most)
        if (taken !== undefined) out.push(taken)
      }
      for (let job = takeOne(queue); job !== undefined; job = takeOne(queue)) out.push(job)
      expect(out.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(list.map((_, id) => id))
      for (const own of Map.groupBy(out, ({ share, priority }) => `${share}${priority}`).values())
        expect(own.map(({ id }) => id)).toEqual(own.map(({ id }) => id).toSorted((a, b) => a - b))
    })
  )
})

// The bound of the paper for equal weights: while two wait, what they were given differs by no more than their largest requests together.
test('callers that both wait get the same number of rows, however much either sends', () => {
  const rows = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(rows, rows, fc.integer({ min: 0, max: 20 }), (a, b, late) => {
      const queue = createFairQueue<Job>()
      const jobs = (share: string, list: readonly number[]): Job[] =>
        list.map((size, id) => ({ id, share, priority: 1, rows: size }))
      for (const job of jobs('a', a)) queue.push(job)
      // The second comes when the first has been served for a while.
      for (let i = 0; i < Math.min(late, a.length - 1); i++) takeOne(queue)
      for (const job of jobs('b', b)) queue.push(job)
      const given = { a: 0, b: 0 }
      const bound = Math.max(...a) + Math.max(...b)
      for (;;) {
        const waiting = new Set(queue.jobs().map(({ share }) => share))
        if (waiting.size < 2) return
        const job = takeOne(queue)
        if (job !== undefined) given[job.share as 'a' | 'b'] += job.rows
        expect(Math.abs(given.a - given.b)).toBeLessThanOrEqual(bound)
      }
    })
  )
})

test('in a full line the one who sends most gives way, and never one who is due before', () => {
  fc.assert(
    fc.property(places, (list) => {
      const queue = createFairQueue<Job>()
      for (const job of numbered(list)) {
        const before = queue.jobs()
        if (before.length < 10) {
          queue.push(job)
          continue
        }
        const gone = queue.displace(job)
        expect(queue.size).toBe(gone === null ? 10 : 9)
        if (gone === null) continue
        expect(gone).toBe(before.at(-1))
        queue.push(job)
        expect(queue.jobs().at(-1)).not.toBe(gone)
        expect(job.priority).toBeLessThanOrEqual(gone.priority)
      }
    })
  )
  const flooded = createFairQueue<Job>()
  for (let id = 0; id < 10; id++) flooded.push({ id, share: 'flood', priority: 1, rows: 1 })
  expect(flooded.displace({ share: 'flood', priority: 1, rows: 1 })).toBeNull()
  expect(flooded.displace({ share: 'light', priority: 1, rows: 1 })).toMatchObject({ id: 9 })
})
