import type { Meter, UsageStatus } from '../../serving/index.ts'

/** The tables of LLM costs. Times are epoch milliseconds. */
export type LlmCostTables = {
  /** What answers from the cache would have cost, by hour. Counts only grow. */
  cost_savings: {
    hour: number
    project: string
    endpoint: string
    status: 'measured' | 'unpriced'
    calls: number
    tokens: number
    usd_micro: number
    usd_pico: number
  }
  /** What LLM calls used and cost, by hour, meter and everything that costs are asked by. Counts only grow, but for what gets its price later. */
  cost_tokens: {
    hour: number
    project: string
    endpoint_id: string
    endpoint: string
    variant: string
    model_name: string
    model_version: number
    role: 'live' | 'shadow'
    /** The empty text stands for callers without a key. */
    api_key_id: string
    /** Customer or purpose; empty for none. */
    tag: string
    provider: string
    priced_as: string
    /** `call` counts the calls themselves. */
    meter: Meter | 'request' | 'call'
    status: UsageStatus | 'unpriced'
    quantity: number
    requests: number
    predictions: number
    /** The cost is `usd_micro` millionths and `usd_pico` further 1e-12 dollars: integers that SQL adds exactly. */
    usd_micro: number
    usd_pico: number
  }
  /** Prices of one's own, and imported ones. */
  llm_prices: {
    id: string
    provider: string
    model: string
    valid_from: number
    valid_to: number | null
    source: string
    /** The rest of the entry, as JSON. */
    definition: string
    created_at: number
  }
}
