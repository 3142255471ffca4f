import { expect, test } from 'vitest'
import { createManualClock } from '../../../kernel/clock.ts'
import { createSampler, type Served } from './sampler.ts'

const served = {} as unknown as Served // only counted here

test('every key is taken while few are read; under load fewer keys are, each with all of its reads, within the budget', () => {
  const clock = createManualClock(0)
  const sampler = createSampler({ clock, rowsPerMinute: 100 })
  const readMinute = (keys: number, times: number): Map<string, number> => {
    clock.advance(60_000)
    const taken = new Map<string, number>()
    for (let t = 0; t < times; t++)
      for (let k = 0; k < keys; k++)
        if (sampler.takes(`k${k}`, clock.now())) {
          sampler.keep(served)
          taken.set(`k${k}`, (taken.get(`k${k}`) ?? 0) + 1)
        }
    return taken
  }
  expect([...readMinute(10, 2)]).toHaveLength(10)
  let last = new Map<string, number>()
  for (let minute = 0; minute < 12; minute++) last = readMinute(1_000, 5)
  const rows = [...last.values()].reduce((a, b) => a + b, 0)
  expect(rows).toBeGreaterThan(20)
  expect(rows).toBeLessThanOrEqual(100)
  // Once the share of keys has settled, a key is taken with every read or not at all.
  for (let minute = 0; minute < 12; minute++) {
    last = readMinute(1_000, 5)
    if ([...last.values()].every((n) => n === 5)) break
  }
  expect(new Set(last.values())).toEqual(new Set([5]))
})
