import { expect, test } from 'vitest'
import { createTopic } from './topic.ts'

test('a listener that throws is reported and harms neither the publisher nor the others', () => {
  const reported: string[] = []
  const heard: number[] = []
  const topic = createTopic<number>('t', (error, name) =>
    reported.push(`${name}: ${String(error)}`)
  )
  topic.subscribe(() => {
    throw new Error('bad')
  })
  topic.subscribe((n) => heard.push(n))
  topic.publish(7)
  expect(heard).toEqual([7])
  expect(reported).toEqual(['t: Error: bad'])
})

test('who left hears nothing more, and leaving while an event is told disturbs nobody', () => {
  const heard: string[] = []
  const topic = createTopic<string>('t', () => undefined)
  const leave = topic.subscribe((event) => {
    heard.push(`a ${event}`)
    leave()
  })
  topic.subscribe((event) => heard.push(`b ${event}`))
  topic.publish('1')
  topic.publish('2')
  expect(heard).toEqual(['a 1', 'b 1', 'b 2'])
})
