import type { Clock } from '../../../kernel/clock.ts'
import { formatMoney, type Money } from '../../../kernel/money.ts'
import type { Usage } from '../../serving/index.ts'
import { createPriceBook, type PriceBook } from './price-book.ts'
import { priceCall, serviceTierOf, type PriceEntry } from './price-entry.ts'
import { readShippedPrices } from './shipped-prices.ts'
import type { LlmCostStore } from './store.ts'
import { splitUsd } from './token-rows.ts'

type Priced = Readonly<{
  backend: { provider: string; priceAs: string; billing: 'tokens' | 'time' }
  usage: Usage
  serviceTier: string | null
}>

const DEFAULT_MAX_OUTPUT = 4_096

/** The prices that stand, in memory: own ones first, then those that come with Trestle. */
export function createPrices(deps: { store: LlmCostStore; clock: Clock }) {
  const { store, clock } = deps
  let shipped: Promise<readonly PriceEntry[]> | null = null
  let book: PriceBook = createPriceBook([], [])
  let loading: Promise<void> | null = null

  const load = async (): Promise<void> => {
    const own = (await store.prices()).map(({ entry }) => entry)
    book = createPriceBook(own, await (shipped ??= readShippedPrices()))
  }

  const find = (backend: Priced['backend']): PriceEntry | null =>
    book.find({ provider: backend.provider, model: backend.priceAs, at: clock.now() })

  return {
    shipped: () => (shipped ??= readShippedPrices()),
    /** Resolves when prices are known. */
    async ready(): Promise<PriceBook> {
      await (loading ??= load())
      return book
    },
    /** Reads the prices again, after they changed. */
    async reload(): Promise<void> {
      await load()
      loading ??= Promise.resolve()
    },
    /** What a call cost; null without a price. */
    cost({ backend, usage, serviceTier }: Priced): Money | null {
      if (backend.billing === 'time') return 0n
      const entry = find(backend)
      return entry === null
        ? null
        : priceCall(entry, usage, { serviceTier: serviceTierOf(serviceTier) }).usd
    },
    /** The most that a call can cost at the dearest of its backends; null when one has no price. */
    bound(of: {
      backends: readonly Priced['backend'][]
      inputTokens: number
      outputTokens: number | null
    }): Money | null {
      let most = 0n
      for (const backend of of.backends) {
        if (backend.billing === 'time') continue
        const entry = find(backend)
        if (entry === null) return null
        const usd = boundAt(entry, of)
        if (usd > most) most = usd
      }
      return most
    },
    /**
     * Prices what was booked without a price, now that there may be one. Sums by hour no longer tell which call crossed a tier: with tiers it is an
     * estimate at the plain price. Doing it again changes nothing.
     */
    async repriceUnpriced(): Promise<number> {
      let priced = 0
      for (const row of await store.unpriced()) {
        if (row.meter === 'call' || row.meter === 'request') continue
        const entry = book.find({ provider: row.provider, model: row.priced_as, at: row.hour })
        if (entry === null) continue
        // The price of the request itself was booked with the call.
        const { request: _request, ...prices } = entry.prices
        const { usd } = priceCall({ ...entry, tiers: [], prices }, { [row.meter]: row.quantity })
        if (usd === null) continue
        await store.reprice(row, { ...row, status: 'estimated', ...splitUsd(usd) })
        priced++
      }
      return priced
    },
    textOf: (usd: Money | null): string | null => (usd === null ? null : formatMoney(usd)),
  }
}
export type Prices = ReturnType<typeof createPrices>

function boundAt(
  entry: PriceEntry,
  of: { inputTokens: number; outputTokens: number | null }
): Money {
  const output = of.outputTokens ?? entry.maxOutputTokens ?? DEFAULT_MAX_OUTPUT
  // Which tier holds is decided by the input, for the output too.
  const costOf = (usage: Usage): Money => priceCall(entry, usage).usd ?? 0n
  const written = entry.prices.cache_write_5m === undefined ? 'input' : 'cache_write_5m'
  const read = costOf({ input: of.inputTokens })
  const wrote = costOf({ [written]: of.inputTokens })
  const input = wrote > read ? wrote : read
  // Embeddings have a price of input alone: nothing is written.
  if (entry.prices.output === undefined) return input
  const seen = costOf({ input: of.inputTokens, output }) - read
  const thought = costOf({ input: of.inputTokens, reasoning: output }) - read
  return input + (thought > seen ? thought : seen)
}
