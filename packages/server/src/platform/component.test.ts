import { expect, test } from 'vitest'
import { startAll, stopAll, type Component } from './component.ts'

function recorded(log: string[], name: string, failing: 'start' | 'stop' | null = null): Component {
  const act = (verb: 'start' | 'stop') => async () => {
    if (failing === verb) throw new Error(`${name} cannot ${verb}`)
    log.push(`${verb} ${name}`)
  }
  return { name, start: act('start'), stop: act('stop') }
}

test('components start in order and stop in reverse', async () => {
  const log: string[] = []
  const parts = [recorded(log, 'a'), recorded(log, 'b'), recorded(log, 'c')]
  await startAll(parts)
  expect(await stopAll(parts, AbortSignal.timeout(1_000))).toEqual([])
  expect(log).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
})

test('when one does not start, those that did are stopped and the error names it', async () => {
  const log: string[] = []
  await expect(
    startAll([recorded(log, 'a'), recorded(log, 'b', 'start'), recorded(log, 'c')])
  ).rejects.toThrow('b did not start: b cannot start')
  expect(log).toEqual(['start a', 'stop a'])
})

test('one that does not stop keeps no other from stopping', async () => {
  const log: string[] = []
  const failures = await stopAll(
    [recorded(log, 'a'), recorded(log, 'b', 'stop'), recorded(log, 'c')],
    AbortSignal.timeout(1_000)
  )
  expect(failures).toHaveLength(1)
  expect(log).toEqual(['stop c', 'stop a'])
})
