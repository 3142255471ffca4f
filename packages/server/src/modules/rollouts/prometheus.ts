import { z } from 'zod'
import type { QueryPort } from './ports.ts'

const TIMEOUT_MS = 4_000
const MAX_ANSWER_CHARS = 1_000_000

const sample = z.tuple([z.number(), z.string()])
const answer = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('scalar'), result: sample }),
      z.object({
        resultType: z.literal('vector'),
        result: z.array(z.object({ value: sample.optional() })),
      }),
      z.object({ resultType: z.literal('matrix'), result: z.unknown() }),
      z.object({ resultType: z.literal('string'), result: z.unknown() }),
    ]),
  }),
  z.object({ status: z.literal('error'), error: z.string() }),
])

/**
 * Asks a server that speaks Prometheus's HTTP API (Thanos, Mimir and VictoriaMetrics do) for the value of a query now:
 * https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
 */
export const createPrometheus = (url: string): QueryPort => ({
  async instant(query) {
    const response = await fetch(`${url.replace(/\/+$/, '')}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query, timeout: `${TIMEOUT_MS / 1_000}s` }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = (await response.text()).slice(0, MAX_ANSWER_CHARS)
    const parsed = answer.safeParse(jsonOf(text))
    if (!parsed.success)
      throw new Error(`Prometheus answered ${response.status} with something else than its API`)
    if (parsed.data.status === 'error') throw new Error(parsed.data.error)
    return numberOf(parsed.data.data)
  },
})

type Data = Extract<z.infer<typeof answer>, { status: 'success' }>['data']

function numberOf(data: Data): number | null {
  switch (data.resultType) {
    case 'scalar':
      return finiteOf(data.result[1])
    case 'vector': {
      const [first, ...others] = data.result
      if (others.length > 0)
        throw new Error(
          `the query gives ${data.result.length} series; aggregate it to one, as by sum(…)`
        )
      return first?.value === undefined ? null : finiteOf(first.value[1])
    }
    case 'matrix':
    case 'string':
      throw new Error(`the query gives a ${data.resultType}, not one number`)
  }
}

/** NaN is how Prometheus says "nothing divided by nothing": no answer. */
function finiteOf(text: string): number | null {
  const value = Number(text.replace(/^\+?Inf$/i, 'Infinity').replace(/^-Inf$/i, '-Infinity'))
  return Number.isNaN(value) ? null : value
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
