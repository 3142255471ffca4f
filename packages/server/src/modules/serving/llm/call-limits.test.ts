import { expect, test } from 'vitest'
import { createManualClock } from '../../../kernel/clock.ts'
import { createCallLimits, type CallLimit } from './call-limits.ts'

const limit = (over: Partial<CallLimit>): CallLimit => ({
  project: 'default',
  name: 'l',
  apiKeyId: null,
  endpoint: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxConcurrent: null,
  ...over,
})
const call = { project: 'default', endpoint: 'chat', apiKeyId: 'key_1' }
const setup = (over: Partial<CallLimit>) => {
  const clock = createManualClock(1_000_000)
  const limits = createCallLimits({ clock, limits: () => [limit(over)] })
  return { clock, enter: (tokens = 0, of = call) => limits.enter(of, tokens) }
}

test('requests: a minute’s worth at once, then one by one as the bucket fills, each key on its own', () => {
  const { clock, enter } = setup({ requestsPerMinute: 3 })
  expect([0, 1, 2].map(() => enter().headers['x-ratelimit-remaining-requests'])).toEqual([
    '2',
    '1',
    '0',
  ])
  expect(() => enter()).toThrow('3 calls a minute')
  expect(enter(0, { ...call, apiKeyId: 'key_2' }).headers['x-ratelimit-limit-requests']).toBe('3')
  clock.advance(20_000)
  expect(enter().headers['x-ratelimit-remaining-requests']).toBe('0')
  expect(() => enter()).toThrow()
})

test('tokens: taken by estimate, put right by what was used; a refusal says how long to wait', () => {
  const { enter } = setup({ tokensPerMinute: 1_000 })
  const pass = enter(900)
  expect(() => enter(900)).toThrow(
    expect.objectContaining({ details: { limit: 'l', retryAfterMs: 48_000 } })
  )
  pass.leave(100)
  pass.leave(0) // once
  expect(enter(900).headers['x-ratelimit-remaining-tokens']).toBe('0')
})

test('a call that asks for more than a minute’s tokens may come when the bucket is full', () => {
  const { clock, enter } = setup({ tokensPerMinute: 1_000 })
  enter(5_000).leave(1_500)
  expect(() => enter(10)).toThrow()
  clock.advance(60_000)
  enter(10)
})

test('concurrency: the next comes in when one has left', () => {
  const { enter } = setup({ maxConcurrent: 2 })
  const first = enter()
  enter()
  expect(() => enter()).toThrow('2 calls at once')
  first.leave(0)
  enter()
})
