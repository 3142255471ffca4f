import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Schedule } from './schedule.ts'

test('entries come out by time, and those of one time in the order they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
      const schedule = new Schedule<number>()
      times.forEach((at, index) => schedule.add(at, index))
      const out = times.map(() => schedule.take())
      const stable = times.map((at, item) => ({ at, item })).sort((a, b) => a.at - b.at)
      expect(out.map((entry) => ({ at: entry?.at, item: entry?.item }))).toEqual(stable)
      expect(schedule.take()).toBeUndefined()
      expect(schedule.nextAt).toBe(Infinity)
    })
  )
})
