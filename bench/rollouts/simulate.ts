/**
 * How often each way of judging a canary is wrong, and how soon it sees real harm, on the same seeded traces.
 * `npx node --conditions=@trestle/source bench/rollouts/simulate.ts [traces] [gates|whole]` rewrites the tables in README.md beside it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRng } from '@trestle/stats'
import { argoLike, fixedZTest, kayentaLike, trestle, type Judge } from './judges.ts'
import { replaceBetween } from './readme.ts'
import { drawTrace, type Scenario } from './traces.ts'
import { runWhole, WHOLE } from './whole.ts'

const LOOKS = 50
const SEED = 20_260_923
const README = new URL('README.md', import.meta.url)

const even = (n: number) => ({ candidate: n, baseline: n })
const NO_DIFFERENCE: Scenario[] = [
  { name: '2 % v 2 %', baseline: 0.02, candidate: 0.02, perLook: even(100) },
  { name: '0.5 % v 0.5 %', baseline: 0.005, candidate: 0.005, perLook: even(100) },
  { name: '0.1 % v 0.1 %', baseline: 0.001, candidate: 0.001, perLook: even(100) },
  {
    name: '2 % v 2 %, canary at 10 %',
    baseline: 0.02,
    candidate: 0.02,
    perLook: { candidate: 50, baseline: 450 },
  },
]
const HARM: Scenario[] = [
  { name: '2 % → 5 %', baseline: 0.02, candidate: 0.05, perLook: even(100) },
  { name: '0.5 % → 3 %', baseline: 0.005, candidate: 0.03, perLook: even(100) },
  { name: '1 % → 50 %', baseline: 0.01, candidate: 0.5, perLook: even(20) },
]

const judgesFor = (scenario: Scenario): Judge[] => [
  trestle(0),
  trestle(0.01),
  fixedZTest,
  kayentaLike,
  argoLike(scenario.baseline + 0.01, 0),
  argoLike(scenario.baseline + 0.03, 3),
]

type Result = { rolledBack: number; promoted: number; requests: number[]; toPromote: number[] }

/** A rollback ends a trace. A promotion does not: a wrong rollback later would still have been one. */
function run(judge: Judge, scenario: Scenario, traces: number): Result {
  const result: Result = { rolledBack: 0, promoted: 0, requests: [], toPromote: [] }
  for (let i = 0; i < traces; i++) {
    const trace = drawTrace(createRng(SEED + i), scenario, LOOKS)
    let isPromoted = false
    for (let k = 1; k <= LOOKS; k++) {
      const verdict = judge.judge(trace, k)
      if (verdict === 'roll-back') {
        result.rolledBack++
        result.requests.push(trace.total.candidate(k))
        break
      }
      if (verdict === 'promote' && !isPromoted) {
        isPromoted = true
        result.promoted++
        result.toPromote.push(trace.total.candidate(k))
      }
    }
  }
  return result
}

const quantile = (values: readonly number[], q: number): string => {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
  return value === undefined ? '–' : value.toLocaleString('en')
}
const share = (count: number, of: number): string => `${((100 * count) / of).toFixed(1)} %`

function nullTable(traces: number): string {
  const rows = NO_DIFFERENCE.flatMap((scenario) =>
    judgesFor(scenario).map((judge) => {
      const r = run(judge, scenario, traces)
      const isOurs = judge.name.startsWith('Trestle')
      return `| ${scenario.name} | ${judge.name} | ${share(r.rolledBack, traces)} | ${isOurs ? share(r.promoted, traces) : '–'} | ${isOurs ? quantile(r.toPromote, 0.5) : '–'} |`
    })
  )
  return [
    '| errors, old v new | judge | wrong rollbacks | passes within 50 looks | median requests to a pass |',
    '|---|---|--:|--:|--:|',
    ...rows,
  ].join('\n')
}

function harmTable(traces: number): string {
  const rows = HARM.flatMap((scenario) =>
    judgesFor(scenario).map((judge) => {
      const r = run(judge, scenario, traces)
      return `| ${scenario.name} | ${judge.name} | ${share(r.rolledBack, traces)} | ${quantile(r.requests, 0.5)} | ${quantile(r.requests, 0.9)} | ${judge.name.startsWith('Trestle') ? share(r.promoted, traces) : '–'} |`
    })
  )
  return [
    '| errors, old → new | judge | rolled back | median requests of the new variant | 90th percentile | passed before that |',
    '|---|---|--:|--:|--:|--:|',
    ...rows,
  ].join('\n')
}

function wholeTable(rollouts: number): string {
  const rows = WHOLE.flatMap(({ name, rates }) =>
    (['safe', 'fast'] as const).map((preset) => {
      const ends = runWhole(preset, rates, { rollouts, seed: SEED })
      return `| ${name} | ${preset} | ${share(ends.promoted, rollouts)} | ${share(ends.rolledBack, rollouts)} | ${share(ends.late, rollouts)} | ${quantile(ends.exposed, 0.5)} | ${quantile(ends.exposed, 0.9)} |`
    })
  )
  return [
    '| errors, old → new | preset | promoted | rolled back | taken back at the deadline | live requests of a version that was taken back, median | 90th percentile |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...rows,
  ].join('\n')
}

const traces = Number(process.argv[2] ?? 1_000)
const began = performance.now()
let readme = readFileSync(README, 'utf8')
const only = process.argv[3]
if (only === undefined || only === 'gates') {
  readme = replaceBetween(readme, 'no difference', nullTable(traces))
  readme = replaceBetween(readme, 'harm', harmTable(traces))
}
if (only === undefined || only === 'whole')
  readme = replaceBetween(readme, 'whole', wholeTable(Math.ceil(traces / 5)))
readme = replaceBetween(
  readme,
  'run',
  `${traces} traces per row, ${LOOKS} looks each, and ${Math.ceil(traces / 5)} whole rollouts; seed ${SEED}, Node ${process.version}.`
)
writeFileSync(README, readme)
process.stdout.write(`${((performance.now() - began) / 1_000).toFixed(0)} s\n`)
