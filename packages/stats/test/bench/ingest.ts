// Values per second of each sketch on one core: node packages/stats/test/bench/ingest.ts
import { createDdSketch } from '../../src/sketches/ddsketch.ts'
import { createKll } from '../../src/sketches/kll.ts'
import { createMoments } from '../../src/sketches/moments.ts'
import { createRng } from '../../src/random.ts'
import { normals } from '../reference.ts'

const values = normals(createRng(1), 2_000_000)
const kll = createKll()
const moments = createMoments()
const latencies = createDdSketch()
const magnitudes = values.map((value) => Math.exp(value))

const subjects = {
  'kll + moments': () => {
    kll.updateMany(values)
    moments.updateMany(values)
  },
  kll: () => kll.updateMany(values),
  moments: () => moments.updateMany(values),
  ddsketch: () => latencies.updateMany(magnitudes),
}
for (const [name, run] of Object.entries(subjects)) {
  run()
  const started = performance.now()
  for (let i = 0; i < 3; i++) run()
  const perSecond = (3 * values.length) / ((performance.now() - started) / 1000)
  console.log(`${name}: ${(perSecond / 1e6).toFixed(1)} M values/s`)
}
