// Change detectors on the errors of a model that learns as it goes, where the concept changes at known places.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAdwin,
  createDdm,
  createEddm,
  createHddmA,
  createHddmW,
  createKswin,
  createPageHinkley,
  createRng,
  type Detector,
  type Rng,
} from '@trestle/stats'
import { median } from '../lib/statistics.ts'
import { peer } from './peers.ts'
import { normal } from './worlds.ts'

const LENGTH = 20_000
/** Concepts change here; a detection up to `WITHIN` later is of the change. */
const CHANGES = [5_000, 10_000, 15_000]
const WITHIN = 2_000
const SEEDS = 20
/** A model needs this long to learn its first concept: nothing is scored before. */
const WARM_UP = 1_000

type Point = { x: readonly number[]; y: 0 | 1 }

/** SEA (Street and Kim 2001): the sum of two of three features against a threshold that jumps; 10 % of labels are wrong. */
function sea(rng: Rng): Point[] {
  const thresholds = [8, 9, 7, 9.5]
  return Array.from({ length: LENGTH }, (_, t) => {
    const x = [rng() * 10, rng() * 10, rng() * 10]
    const limit = thresholds[CHANGES.filter((at) => t >= at).length] ?? 8
    return { x, y: noisy((x[0] ?? 0) + (x[1] ?? 0) > limit, rng) }
  })
}

/** Rotating hyperplane (Hulten and others 2001) in ten dimensions: from each change on the plane turns for 500 steps; 5 % of labels are wrong. */
function hyperplane(rng: Rng): Point[] {
  const plane = () => {
    const raw = Array.from({ length: 10 }, () => normal(rng))
    const size = Math.hypot(...raw)
    return raw.map((value) => value / size)
  }
  const planes = [plane(), plane(), plane(), plane()]
  return Array.from({ length: LENGTH }, (_, t) => {
    const past = CHANGES.filter((at) => t >= at).length
    const since = past === 0 ? 1 : Math.min(1, (t - (CHANGES[past - 1] ?? 0)) / 500)
    const x = Array.from({ length: 10 }, () => normal(rng))
    const side = x.reduce(
      (sum, value, i) =>
        sum +
        value *
          ((1 - since) * (planes[Math.max(0, past - 1)]?.[i] ?? 0) +
            since * (planes[past]?.[i] ?? 0)),
      0
    )
    return { x, y: noisy(side > 0, rng, 0.05) }
  })
}

const noisy = (truth: boolean, rng: Rng, share = 0.1): 0 | 1 => (truth !== rng() < share ? 1 : 0)

/** Errors of a logistic model that predicts each point before it learns it. */
function errorsOf(points: readonly Point[]): number[] {
  const weights = new Float64Array((points[0]?.x.length ?? 0) + 1)
  return points.map(({ x, y }) => {
    const scaled = [1, ...x.map((value) => value / 5)]
    const score = scaled.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0)
    const step = 0.05 * (y - 1 / (1 + Math.exp(-score)))
    for (const [i, value] of scaled.entries()) weights[i] = (weights[i] ?? 0) + step * value
    return score > 0 === (y === 1) ? 0 : 1
  })
}

const DETECTORS: Readonly<Record<string, () => Detector<unknown>>> = {
  ADWIN: () => createAdwin(),
  'Page-Hinkley': () => createPageHinkley(),
  KSWIN: () => createKswin({ rng: createRng(1) }),
  DDM: () => createDdm(),
  EDDM: () => createEddm(),
  HDDM_A: () => createHddmA(),
  HDDM_W: () => createHddmW(),
}

export async function streams(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-streams-'))
  const rows: string[] = []
  try {
    for (const [name, make] of [
      ['SEA', sea],
      ['hyperplane', hyperplane],
    ] as const) {
      const errors = Array.from({ length: SEEDS }, (_, seed) => errorsOf(make(createRng(seed + 1))))
      const file = join(folder, `${name}.json`)
      await writeFile(file, JSON.stringify(errors))
      const river = (await peer('streams', { streams: file })).answer as Record<string, number[][]> // what peer_side.py prints
      for (const [detector, create] of Object.entries(DETECTORS)) {
        const ours = errors.map((stream) => {
          const watching = create()
          return stream.flatMap((error, i) => (watching.update(error) === 'drift' ? [i] : []))
        })
        rows.push(`| ${name} | ${detector} | ${scored(ours)} | ${scored(river[detector] ?? [])} |`)
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return [
    '| stream | detector | Trestle: delay, median | missed | false per 10,000 | river: delay, median | missed | false per 10,000 |',
    '|---|---|--:|--:|--:|--:|--:|--:|',
    ...rows,
  ].join('\n')
}

function scored(runs: readonly (readonly number[])[]): string {
  const delays: number[] = []
  let missed = 0
  let wrong = 0
  for (const hits of runs) {
    for (const change of CHANGES) {
      const first = hits.find((at) => at >= change && at < change + WITHIN)
      if (first === undefined) missed++
      else delays.push(first - change)
    }
    wrong += hits.filter(
      (at) => at >= WARM_UP && !CHANGES.some((change) => at >= change && at < change + WITHIN)
    ).length
  }
  const steady = runs.length * (LENGTH - WARM_UP - CHANGES.length * WITHIN)
  const delay = delays.length === 0 ? '–' : String(Math.round(median(delays)))
  return `${delay} | ${missed} of ${runs.length * CHANGES.length} | ${((10_000 * wrong) / steady).toFixed(2)}`
}
