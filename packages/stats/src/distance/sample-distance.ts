import type { Measure } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { cleanPair, squaredDeviations } from '../samples.ts'
import type { Numbers } from '../samples.ts'

/** Wasserstein-1 (earth mover's) distance: the area between the two distribution curves, in the data's unit. */
export function wassersteinDistance(x: Numbers, y: Numbers): Measure {
  return areaBetween(x, y, Math.abs)
}

/** Wasserstein distance in standard deviations of the reference. */
export function normalisedWasserstein(reference: Numbers, current: Numbers): Measure {
  const distance = wassersteinDistance(reference, current)
  const pair = cleanPair(reference, current, 'refuse')
  if (distance.kind === 'undefined' || pair.kind === 'undefined') return distance
  const deviation = Math.sqrt(squaredDeviations(pair.x) / pair.x.length)
  if (!(deviation > 0)) return undefinedBecause('no-variation')
  return { kind: 'ok', value: distance.value / deviation }
}

/** Energy distance sqrt(2 * integral of (F - G)^2) (Szekely and Rizzo 2013). */
export function energyDistance(x: Numbers, y: Numbers): Measure {
  const area = areaBetween(x, y, (gap) => gap * gap)
  return area.kind === 'undefined' ? area : { kind: 'ok', value: Math.sqrt(2 * area.value) }
}

function areaBetween(x: Numbers, y: Numbers, weigh: (gap: number) => number): Measure {
  const pair = cleanPair(x, y, 'refuse')
  if (pair.kind === 'undefined') return pair
  const a = pair.x.sort()
  const b = pair.y.sort()
  let i = 0
  let j = 0
  let at = Math.min(a[0]!, b[0]!)
  let value = 0
  while (i < a.length || j < b.length) {
    const next = Math.min(a[i] ?? Infinity, b[j] ?? Infinity)
    value += weigh(i / a.length - j / b.length) * (next - at)
    at = next
    while (i < a.length && a[i]! === at) i++
    while (j < b.length && b[j]! === at) j++
  }
  return { kind: 'ok', value }
}
