import { expect, test } from 'vitest'
import { silentLogger } from '../telemetry/logger.ts'
import { createScheduler } from './scheduler.ts'

const NEVER = 2 ** 30

test('a job never runs twice at a time, however often it is triggered', async () => {
  const scheduler = createScheduler({ log: silentLogger() })
  let running = 0
  let most = 0
  let runs = 0
  scheduler.every({
    name: 'job',
    intervalMs: NEVER,
    work: async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      runs++
    },
  })
  await scheduler.start()
  await Promise.all([scheduler.trigger('job'), scheduler.trigger('job'), scheduler.trigger('job')])
  await scheduler.stop(AbortSignal.timeout(1_000))
  expect(most).toBe(1)
  expect(runs).toBeGreaterThanOrEqual(2) // one that was under way, and one after the last trigger
})

test('a failed run does not end the job', async () => {
  const scheduler = createScheduler({ log: silentLogger() })
  let runs = 0
  scheduler.every({
    name: 'job',
    intervalMs: NEVER,
    work: async () => {
      runs++
      throw new Error('no')
    },
  })
  await scheduler.start()
  await scheduler.trigger('job')
  await scheduler.trigger('job')
  await scheduler.stop(AbortSignal.timeout(1_000))
  expect(runs).toBe(2)
})

test('stop tells the run under way and waits for it', async () => {
  const scheduler = createScheduler({ log: silentLogger() })
  let ended = false
  scheduler.every({
    name: 'job',
    intervalMs: NEVER,
    work: (signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          ended = true
          resolve()
        })
      }),
  })
  await scheduler.start()
  const run = scheduler.trigger('job')
  await scheduler.stop(AbortSignal.timeout(1_000))
  await run
  expect(ended).toBe(true)
})
