/**
 * What a gateway adds to an LLM call: Trestle, Portkey and LiteLLM before one local model server that answers at once, in one run, their rounds interleaved.
 * `npx node --conditions=@trestle/source bench/llm/run.ts [--soak <minutes>]` prints the tables of the README; a soak keeps 1,000 streams under way, 1 minute when
 * left out, 0 for none.
 */
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { median } from '../lib/statistics.ts'
import {
  cpuSeconds,
  residentMb,
  startLiteLlm,
  startPortkey,
  startTrestle,
  startUpstream,
  type Gateway,
} from './gateways.ts'

const ROUNDS = 5
const CALLS = 150
const STREAMS = 40
const LOAD_MS = 3_000
const CONCURRENCY = 32
const PROMPT = 'Tell me something about bridges. '.repeat(30)

type Timing = { firstByteMs: number; totalMs: number; isOk: boolean; said: string }

const pools = new Map<string, Pool>()

/** One call, timed from sending to the first and to the last byte of the body. */
function call(gateway: Gateway, options: { isStream: boolean; isDrip?: boolean }): Promise<Timing> {
  const url = new URL(gateway.url)
  let pool = pools.get(url.origin)
  if (pool === undefined) {
    pool = new Pool(url.origin, { headersTimeout: 0, bodyTimeout: 0 })
    pools.set(url.origin, pool)
  }
  const body = JSON.stringify({
    model: gateway.model,
    messages: [{ role: 'user', content: options.isDrip === true ? 'drip' : PROMPT }],
    ...(options.isStream ? { stream: true } : {}),
    max_tokens: 300,
  })
  const begun = performance.now()
  let firstByteMs = 0
  let status = 0
  let said = ''
  return new Promise((resolve, reject) => {
    pool.dispatch(
      {
        path: `${url.pathname}/chat/completions`,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: '*/*',
          'user-agent': 'bench',
          ...gateway.headers,
        },
        body,
      },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, code) => {
          status = code
        },
        onResponseData: (_controller, chunk) => {
          if (status !== 200) said += chunk.toString()
          if (firstByteMs === 0) firstByteMs = performance.now() - begun
        },
        onResponseEnd: () =>
          resolve({
            firstByteMs,
            totalMs: performance.now() - begun,
            isOk: status === 200,
            said: `${status} ${said}`,
          }),
        onResponseError: (_controller, error) => reject(error),
      }
    )
  })
}

async function series(gateway: Gateway, count: number, isStream: boolean): Promise<Timing[]> {
  const timings: Timing[] = []
  for (let i = 0; i < count; i++) timings.push(await call(gateway, { isStream }))
  const refused = timings.find(({ isOk }) => !isOk)
  if (refused !== undefined) throw new Error(`${gateway.name} refused a call: ${refused.said}`)
  return timings
}

async function load(gateway: Gateway): Promise<{ perSecond: number; perCore: number }> {
  const cpu = await cpuSeconds(gateway.pid)
  const begun = performance.now()
  let done = 0
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (performance.now() - begun < LOAD_MS) {
        await call(gateway, { isStream: false })
        done++
      }
    })
  )
  const seconds = (performance.now() - begun) / 1_000
  // What is done beside the answers (log, ledger) belongs to the calls too.
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  return { perSecond: done / seconds, perCore: done / ((await cpuSeconds(gateway.pid)) - cpu) }
}

async function manyStreams(gateway: Gateway, minutes: number): Promise<void> {
  const until = performance.now() + minutes * 60_000
  const memory: number[] = []
  let done = 0
  let failed = 0
  const sample = setInterval(() => {
    void residentMb(gateway.pid).then((mb) => memory.push(mb))
  }, 5_000)
  await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      while (performance.now() < until) {
        const { isOk } = await call(gateway, { isStream: true, isDrip: true })
        if (isOk) done++
        else failed++
      }
    })
  )
  clearInterval(sample)
  const half = Math.floor(memory.length / 2)
  console.log(
    `1,000 concurrent streams for ${minutes} min: ${done} streams, ${failed} failed; resident ${memory[1]?.toFixed(0)} MB after 10 s, median ${median(memory.slice(0, half)).toFixed(0)} MB in the first half, ${median(memory.slice(half)).toFixed(0)} MB in the second.`
  )
}

const { soak } = parseArgs({ options: { soak: { type: 'string', default: '1' } } }).values
const minutes = Number(soak)
const direct = await startUpstream()
const candidates = [
  direct,
  await startTrestle(direct.url),
  await startPortkey(direct.url),
  await startLiteLlm(direct.url),
]
// A gateway that does not pass a call on is left out, and says why.
const gateways: Gateway[] = []
for (const gateway of candidates) {
  try {
    await series(gateway, CALLS, false)
    await series(gateway, STREAMS, true)
    gateways.push(gateway)
  } catch (error) {
    console.log(`Left out: ${error instanceof Error ? error.message : String(error)}`)
    await gateway.stop()
  }
}
const rows = new Map(
  gateways.map((gateway) => [
    gateway.name,
    {
      call: [] as number[],
      p99: [] as number[],
      first: [] as number[],
      stream: [] as number[],
      perSecond: [] as number[],
      perCore: [] as number[],
    },
  ])
)
for (let round = 0; round < ROUNDS; round++) {
  for (const gateway of gateways) {
    const row = rows.get(gateway.name)
    const calls = (await series(gateway, CALLS, false)).map(({ totalMs }) => totalMs)
    row?.call.push(median(calls))
    row?.p99.push(calls.toSorted((a, b) => a - b)[Math.floor(calls.length * 0.99)] ?? 0)
    const streams = await series(gateway, STREAMS, true)
    row?.first.push(median(streams.map(({ firstByteMs }) => firstByteMs)))
    row?.stream.push(median(streams.map(({ totalMs }) => totalMs)))
  }
}
for (let round = 0; round < 3; round++)
  for (const gateway of gateways) {
    const { perSecond, perCore } = await load(gateway)
    rows.get(gateway.name)?.perSecond.push(perSecond)
    rows.get(gateway.name)?.perCore.push(perCore)
  }

console.log(
  `| | call p50 ms | added ms | first byte added ms | 200-chunk stream added ms | calls/s at ${CONCURRENCY} | calls a core-second |`
)
console.log('|---|--:|--:|--:|--:|--:|--:|')
const base = rows.get('direct')
for (const [name, row] of rows) {
  const added = (mine: number[], theirs: number[] | undefined): string =>
    median(mine.map((value, i) => value - (theirs?.[i] ?? 0))).toFixed(2)
  console.log(
    `| ${name} | ${median(row.call).toFixed(2)} | ${added(row.call, base?.call)} | ${added(row.first, base?.first)} | ${added(row.stream, base?.stream)} | ${median(row.perSecond).toFixed(0)} | ${median(row.perCore).toFixed(0)} |`
  )
}
const trestle = gateways.find(({ name }) => name === 'Trestle')
if (trestle !== undefined && minutes > 0) await manyStreams(trestle, minutes)
for (const gateway of gateways) await gateway.stop()
process.exit(0)
