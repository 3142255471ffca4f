import { hourOf } from '../../../kernel/hour.ts'
import type { Money } from '../../../kernel/money.ts'
import type { InferenceCompleted, LlmUsage } from '../../serving/index.ts'
import type { PriceBook } from './price-book.ts'
import { priceCall, serviceTierOf } from './price-entry.ts'
import type { LlmCostTables } from './tables.ts'
import { splitUsd } from './token-rows.ts'

export type SavingsRow = LlmCostTables['cost_savings']

/** What an answer from the cache would have cost; null when a backend was asked. */
export function toSavings(
  event: InferenceCompleted,
  llm: LlmUsage,
  book: PriceBook
): SavingsRow | null {
  const { savedUsage } = llm
  if (savedUsage === null) return null
  const entry = book.find({ provider: llm.provider, model: llm.model, at: event.at })
  const lines =
    entry === null
      ? null
      : priceCall(entry, savedUsage, { serviceTier: serviceTierOf(llm.serviceTier) }).lines
  const isPriced = lines !== null && lines.every(({ usd }) => usd !== null)
  const usd: Money = isPriced ? lines.reduce((sum, line) => sum + (line.usd ?? 0n), 0n) : 0n
  return {
    hour: hourOf(event.at),
    project: event.project,
    endpoint: event.endpoint,
    status: isPriced ? 'measured' : 'unpriced',
    calls: 1,
    tokens: Object.values(savedUsage).reduce((sum, count) => sum + count, 0),
    ...splitUsd(usd),
  }
}

/** Savings summed by what tells them apart, waiting for the ledger. */
export function createSavingsMeter() {
  let rows = new Map<string, SavingsRow>()
  return {
    add(row: SavingsRow): void {
      const key = `${row.hour}/${row.project}/${row.endpoint}/${row.status}`
      const known = rows.get(key)
      if (known === undefined) {
        rows.set(key, { ...row })
        return
      }
      known.calls += row.calls
      known.tokens += row.tokens
      known.usd_micro += row.usd_micro
      known.usd_pico += row.usd_pico
    },
    take(): SavingsRow[] {
      const taken = [...rows.values()]
      rows = new Map()
      return taken
    },
  }
}
