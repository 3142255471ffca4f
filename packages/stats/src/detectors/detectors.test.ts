import { expect, test } from 'vitest'
import { streams } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import { createAdwin } from './adwin.ts'
import { createDdm } from './ddm.ts'
import type { Detector } from './detector.ts'
import { createEddm } from './eddm.ts'
import { createHddmA } from './hddm-a.ts'
import { createHddmW } from './hddm-w.ts'
import { createKswin } from './kswin.ts'
import { createPageHinkley } from './page-hinkley.ts'

function detections(detector: Detector<unknown>, stream: readonly number[]): number[] {
  return stream.flatMap((value, index) => (detector.update(value) === 'drift' ? [index] : []))
}

const pinned: [string, readonly number[], (state?: never) => Detector<unknown>][] = [
  ['adwin_s1', streams.s1, (state) => createAdwin({}, state)],
  ['ddm_s2', streams.s2, (state) => createDdm({}, state)],
  ['eddm_s2', streams.s2, (state) => createEddm({}, state)],
  ['hddm_w_s2', streams.s2, (state) => createHddmW({}, state)],
  [
    // Both samples fill the whole window here, so the draw is a permutation and any generator gives one answer.
    'kswin_s1(alpha=.0001,window=200,stat=100,seed=42)',
    streams.s1,
    (state) => createKswin({ rng: createRng(42), alpha: 0.0001, window: 200, recent: 100 }, state),
  ],
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
    expect(detector.update(NaN)).not.toBe('drift')
    return detector.update(value) === 'drift' ? [index] : []
  })
  expect(found).toEqual(streams.expected[name])
})

test('a steady stream of 10 % errors raises almost no alarm with the default detectors', () => {
  const rng = createRng(51)
  const alarms = { adwin: 0, hddmA: 0, pageHinkley: 0 }
  for (let run = 0; run < 20; run++) {
    const stream = Array.from({ length: 5000 }, () => (rng() < 0.1 ? 1 : 0))
    alarms.adwin += detections(createAdwin(), stream).length
    alarms.hddmA += detections(createHddmA(), stream).length
    alarms.pageHinkley += detections(createPageHinkley(), stream).length
  }
  expect(alarms.adwin).toBeLessThanOrEqual(1)
  expect(alarms.hddmA).toBeLessThanOrEqual(2)
  expect(alarms.pageHinkley).toBe(0)
})

test('after a shrink ADWIN keeps the mean of the new regime; after a restart it starts empty', () => {
  const stream = Array.from({ length: 2000 }, (_, i) => (i < 1000 ? 0 : 1))
  const shrinking = createAdwin({ afterDrift: 'shrink' })
  detections(shrinking, stream)
  expect(shrinking.mean()).toBeGreaterThan(0.95)
  expect(createAdwin().mean()).toBeNaN()
})

test('two-sided HDDM_W sees the rises at the published indices, and the fall between them too', () => {
  // Stream 3 changes at 500, 1000 (a fall from 0.99 to 0.5) and 1500; the published list lacks the fall.
  const found = detections(createHddmW({ twoSided: true }), streams.s3)
  expect(found).toEqual([507, 1032, 1508])
  expect(found).toEqual(expect.arrayContaining(streams.expected['hddm_w_two_s3'] ?? []))
})
