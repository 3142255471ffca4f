/**
 * What a running server does, measured on real requests: how soon a failing version is at weight 0, what a stalled shadow costs the live answers, and
 * whether a change of weights costs a request. `npx node --conditions=@trestle/source bench/rollouts/live.ts` rewrites the tables in README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { median } from '../lib/statistics.ts'
import { startBenchServer, type BenchServer } from './bench-server.ts'
import { createCallers } from './callers.ts'
import { replaceBetween } from './readme.ts'

const README = new URL('README.md', import.meta.url)
const seconds = (n: number): Promise<void> => new Promise((r) => setTimeout(r, n * 1_000))
const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? NaN
const ms = (value: number): string => `${value.toFixed(1)} ms`

/** 200 requests a second, half of them to a version that fails on half of its own. */
async function failing(server: BenchServer, rounds: number): Promise<string> {
  const { client } = server
  await client.serving.createEndpoint({ name: 'failing', model: 'lookup/1' })
  const callers = createCallers(server.url, 64)
  const rows: { requests: number; failed: number; afterHundred: number; sinceFirst: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const mine: number[] = []
    let failed = 0
    let isOver = false
    const load = callers.openLoop('failing', {
      perSecond: 200,
      isOver: () => isOver,
      each: ({ status, body, at }) => {
        if (status !== 200) failed++
        if (status !== 200 || body.includes('"variant":"v3"')) mine.push(at)
      },
    })
    const { id } = await client.rollouts.createRollout({
      endpoint: 'failing',
      model: 'lookup/3',
      strategy: {
        kind: 'canary',
        steps: [{ weightPercent: 50, bakeMs: 600_000, minRequests: 1_000 }],
      },
    })
    let atNought = 0
    while (atNought === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      const { traffic } = await client.serving.getEndpoint({ endpoint: 'failing' })
      const weight = traffic.weights.find((w) => w.variant === 'v3')?.basisPoints ?? 0
      if (mine.length > 0 && weight === 0) atNought = performance.now()
    }
    await seconds(0.3)
    isOver = true
    await load
    const { phase, reason } = await client.rollouts.getRollout({ id })
    if (!/rol/.test(phase)) throw new Error(`the rollout is ${phase}: ${reason}`)
    const hundredth = mine[99] ?? atNought
    rows.push({
      requests: mine.length,
      failed,
      afterHundred: Math.max(0, atNought - hundredth),
      sinceFirst: atNought - (mine[0] ?? atNought),
    })
    while ((await client.rollouts.getRollout({ id })).isActive) await seconds(0.1)
  }
  callers.close()
  const of = (pick: (row: (typeof rows)[number]) => number): number[] => rows.map(pick)
  return [
    `| ${rounds} rounds | median | largest |`,
    '|---|--:|--:|',
    `| requests that the failing version got in all | ${median(of((r) => r.requests))} | ${Math.max(...of((r) => r.requests))} |`,
    `| of those, failed | ${median(of((r) => r.failed))} | ${Math.max(...of((r) => r.failed))} |`,
    `| weight 0 after its first answer | ${ms(median(of((r) => r.sinceFirst)))} | ${ms(Math.max(...of((r) => r.sinceFirst)))} |`,
    `| weight 0 after its 100th answer (bar: 2,000 ms) | ${ms(median(of((r) => r.afterHundred)))} | ${ms(Math.max(...of((r) => r.afterHundred)))} |`,
  ].join('\n')
}

/** The same load with and without a shadow that never answers. */
async function stalled(server: BenchServer, pairs: number): Promise<string> {
  const { client } = server
  for (const name of ['alone', 'shadowed']) {
    await client.serving.createEndpoint({ name, model: 'lookup/1' })
    await client.serving.addVariant({ endpoint: name, model: 'lookup/4' })
  }
  await client.serving.setTraffic({
    endpoint: 'shadowed',
    weights: [{ variant: 'v1', basisPoints: 10_000 }],
    shadows: [{ variant: 'v4', share: 1 }],
  })
  const callers = createCallers(server.url, 64)
  const takenIn = async (endpoint: string, forMs: number): Promise<number[]> => {
    const taken: number[] = []
    const end = performance.now() + forMs
    await callers.openLoop(endpoint, {
      perSecond: 200,
      isOver: () => performance.now() > end,
      each: ({ status, ms: took }) => {
        if (status !== 200) throw new Error(`${endpoint} answered ${status}`)
        taken.push(took)
      },
    })
    return taken
  }
  /** Half seconds of the one and the other in turn: what else runs on the machine meets both alike. */
  const pair = async (first: 'alone' | 'shadowed') => {
    const taken = { alone: [] as number[], shadowed: [] as number[] }
    const other: typeof first = first === 'alone' ? 'shadowed' : 'alone'
    for (let block = 0; block < 12; block++)
      for (const name of block % 2 === 0 ? ([first, other] as const) : ([other, first] as const))
        taken[name].push(...(await takenIn(name, 500)))
    return { alone: quantile(taken.alone, 0.99), shadowed: quantile(taken.shadowed, 0.99) }
  }
  // Warm, the shadow's line full, and so is every memory of recent requests, which are bounded by their number.
  for (const name of ['alone', 'shadowed', 'shadowed'])
    await callers.closedLoop(name, 20_000, () => {})
  const memory = [await server.memoryMiB()]
  const ratios: number[] = []
  const found = { alone: [] as number[], shadowed: [] as number[] }
  for (let i = 0; i < pairs; i++) {
    const p99 = await pair(i % 2 === 0 ? 'alone' : 'shadowed')
    found.alone.push(p99.alone)
    found.shadowed.push(p99.shadowed)
    ratios.push(p99.shadowed / p99.alone)
    memory.push(await server.memoryMiB())
  }
  callers.close()
  const stats = await client.serving.getStats({ endpoint: 'shadowed' })
  const dropped = stats.items.find((one) => one.variant === 'v4')?.shadowsDropped ?? 0
  return [
    `| ${pairs} pairs of 6 s each at 200 requests a second, in half seconds by turns | |`,
    '|---|--:|',
    `| p99 without a shadow, median | ${ms(median(found.alone))} |`,
    `| p99 with a stalled shadow, median | ${ms(median(found.shadowed))} |`,
    `| ratio within a pair, median (bar: 1.1) | ${median(ratios).toFixed(2)} |`,
    `| ratios, smallest to largest | ${ratios
      .toSorted((a, b) => a - b)
      .map((r) => r.toFixed(2))
      .join(', ')} |`,
    `| copies dropped and counted | ${dropped.toLocaleString('en')} |`,
    `| memory of the server, after each pair | ${memory.map((m) => m.toFixed(0)).join(', ')} MiB |`,
  ].join('\n')
}

/** Weights that change, promotions and returns, all the while 100,000 requests are answered. */
async function switching(server: BenchServer, requests: number): Promise<string> {
  const { client } = server
  const endpoint = 'switching'
  await client.serving.createEndpoint({ name: endpoint, model: 'lookup/1' })
  const callers = createCallers(server.url, 16)
  const outcomes = new Map<string, number>()
  const state = { isOver: false }
  const load = callers
    .closedLoop(endpoint, requests, ({ status, body }) => {
      const key = status === 200 ? (/"variant":"(\w+)"/.exec(body)?.[1] ?? '?') : String(status)
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
    })
    .finally(() => (state.isOver = true))
  const counts = { weights: 0, promotions: 0, returns: 0 }
  const settled = async (id: string): Promise<string> => {
    for (;;) {
      const { isActive, phase } = await client.rollouts.getRollout({ id })
      if (!isActive) return phase
      await seconds(0.02)
    }
  }
  while (!state.isOver) {
    const { id } = await client.rollouts.createRollout({
      endpoint,
      model: 'lookup/2',
      strategy: { kind: 'canary', steps: [{ weightPercent: 20, bakeMs: 600_000 }] },
      gates: [{ metric: 'error-rate' }],
    })
    // Refused as long as the model is being loaded.
    while ((await client.rollouts.getRollout({ id })).phase === 'pending') await seconds(0.02)
    await seconds(0.2)
    await client.rollouts.promoteRollout({ id, note: '' }).catch(() => undefined)
    if ((await settled(id)) === 'promoted') counts.promotions++
    await client.rollouts.abortRollout({ id, note: '' }).catch(() => undefined)
    if ((await settled(id)) === 'rolled-back') counts.returns++
    await client.serving.addVariant({ endpoint, model: 'lookup/2' })
    for (const share of [2_500, 5_000, 7_500, 10_000, 0]) {
      await client.serving.setTraffic({
        endpoint,
        weights: [
          { variant: 'v1', basisPoints: 10_000 - share },
          { variant: 'v2', basisPoints: share },
        ],
      })
      counts.weights++
    }
    await client.serving.removeVariant({ endpoint, variant: 'v2' })
  }
  await load
  callers.close()
  const failed = [...outcomes].filter(([key]) => !/^v\d$/.test(key))
  const total = [...outcomes.values()].reduce((sum, n) => sum + n, 0)
  return [
    '| | |',
    '|---|--:|',
    `| requests | ${total.toLocaleString('en')} |`,
    `| answered by v1, by v2 | ${(outcomes.get('v1') ?? 0).toLocaleString('en')}, ${(outcomes.get('v2') ?? 0).toLocaleString('en')} |`,
    `| changes of weights by hand, promotions, returns | ${counts.weights}, ${counts.promotions}, ${counts.returns} |`,
    `| failed (bar: 0) | ${failed.length === 0 ? '0' : failed.map(([key, n]) => `${n} × ${key}`).join(', ')} |`,
  ].join('\n')
}

const server = await startBenchServer()
try {
  let readme = readFileSync(README, 'utf8')
  const which = process.argv[2]
  if (which === undefined || which === 'failing')
    readme = replaceBetween(readme, 'failing', await failing(server, 7))
  if (which === undefined || which === 'switching')
    readme = replaceBetween(readme, 'switching', await switching(server, 100_000))
  if (which === undefined || which === 'stalled')
    readme = replaceBetween(readme, 'stalled', await stalled(server, 9))
  writeFileSync(README, readme)
} finally {
  await server.stop()
}
