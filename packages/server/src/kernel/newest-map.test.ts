import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createNewestMap } from './newest-map.ts'

test('it holds the newest half of its capacity at least, and never more than its capacity', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 300 }),
      fc.integer({ min: 2, max: 20 }),
      (keys, capacity) => {
        const map = createNewestMap<number, number>(capacity)
        const inOrder: number[] = []
        keys.forEach((key, i) => {
          if (map.get(key) === undefined) inOrder.push(key)
          map.set(key, i)
          expect(map.get(key)).toBe(i)
          expect(map.size).toBeLessThanOrEqual(capacity)
          for (const recent of inOrder.slice(-(capacity >> 1)))
            expect(map.get(recent)).toBeDefined()
        })
      }
    )
  )
})
