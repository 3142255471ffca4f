import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBusyShare } from './busy-share.ts'

/** Plays executions, each from one moment to another, and says what each owns. */
function play(units: number, spans: readonly (readonly [from: number, to: number])[]): number[] {
  let now = 0
  const share = createBusyShare({ units, now: () => now })
  const moments = spans
    .flatMap(([from, to], i) => [
      { at: from, i, isEnd: false },
      { at: to, i, isEnd: true },
    ])
    .toSorted((a, b) => a.at - b.at || Number(b.isEnd) - Number(a.isEnd))
  const leave = new Map<number, () => number>()
  const owned = spans.map(() => 0)
  for (const { at, i, isEnd } of moments) {
    now = at
    if (isEnd) owned[i] = leave.get(i)?.() ?? 0
    else leave.set(i, share.enter())
  }
  return owned
}

test('three that overlap share the time in which they do', () => {
  // Egalitarian processor sharing by hand: [0,2) one, [2,3) three, [3,4) two, [4,6) one.
  const owned = play(1, [
    [0, 4],
    [2, 6],
    [2, 3],
  ])
  expect(owned.map((ms) => Number(ms.toFixed(4)))).toEqual([2.8333, 2.8333, 0.3333])
})

test('shares sum to the time in which the device was busy, and nobody owns more than the time that it ran', () => {
  const span = fc
    .tuple(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 1, max: 500 }))
    .map(([from, length]) => [from, from + length] as const)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(span, { minLength: 1, maxLength: 30 }),
      (units, spans) => {
        const owned = play(units, spans)
        let busy = 0
        for (let at = 0; at < 1_500; at++)
          busy += Math.min(units, spans.filter(([from, to]) => from <= at && at < to).length)
        expect(owned.reduce((a, b) => a + b, 0)).toBeCloseTo(busy, 6)
        for (const [i, [from, to]] of spans.entries())
          expect(owned[i] ?? 0).toBeLessThanOrEqual(to - from + 1e-9)
      }
    )
  )
})
