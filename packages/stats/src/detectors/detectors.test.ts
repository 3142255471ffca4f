import { expect, test } from 'vitest'
import { streams } from '../../test/reference.ts'
import { createAdwin } from './adwin.ts'
import type { Detector } from './detector.ts'
import { createHddmA } from './hddm-a.ts'
import { createPageHinkley } from './page-hinkley.ts'

function detections(detector: Detector<unknown>, stream: readonly number[]): number[] {
  return stream.flatMap((value, index) => (detector.update(value) === 'drift' ? [index] : []))
}

const pinned: [string, readonly number[], (state?: never) => Detector<unknown>][] = [
  ['adwin_s1', streams.s1, (state) => createAdwin({}, state)],
  ['ph_s1', streams.s1, (state) => createPageHinkley({}, state)],
  ['hddm_a_s2', streams.s2, (state) => createHddmA({}, state)],
  ['hddm_a_two_s3', streams.s3, (state) => createHddmA({ twoSided: true }, state)],
]

test.each(pinned)('%s fires at the published indices', (name, stream, create) => {
  expect(detections(create(), stream)).toEqual(streams.expected[name])
})

test.each(pinned)(
  '%s goes on from its JSON state as if it had never stopped',
  (name, stream, create) => {
    let detector = create()
    const found: number[] = []
    for (const [index, value] of stream.entries()) {
      if (index % 97 === 0) detector = create(JSON.parse(JSON.stringify(detector)) as never)
      if (detector.update(value) === 'drift') found.push(index)
    }
    expect(found).toEqual(streams.expected[name])
  }
)

test.each(pinned)('%s ignores missing values', (name, stream, create) => {
  const detector = create()
  const found = stream.flatMap((value, index) => {
    expect(detector.update(NaN)).toBe('none')
    return detector.update(value) === 'drift' ? [index] : []
  })
  expect(found).toEqual(streams.expected[name])
})
