import type { Api, LlmPrice } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { sortableId } from '../../../kernel/ids.ts'
import { fail } from '../../../platform/errors.ts'
import type { Handlers } from '../../../platform/http/index.ts'
import { readLiteLlmPrices } from './litellm-prices.ts'
import type { PriceEntry } from './price-entry.ts'
import type { Prices } from './prices.ts'
import type { LlmCostStore } from './store.ts'
import { parseUnitPrice } from './unit-price.ts'

type PriceHandlers = Pick<
  Handlers<Api['costs']>,
  'listLlmPrices' | 'putLlmPrice' | 'deleteLlmPrice' | 'importLlmPrices'
>

/** The API of LLM prices. */
export function priceHandlers(deps: {
  prices: Prices
  store: LlmCostStore
  clock: Clock
}): PriceHandlers {
  const { prices, store, clock } = deps

  const changed = async (): Promise<number> => {
    await prices.reload()
    return prices.repriceUnpriced()
  }

  return {
    listLlmPrices: async ({ search, limit }) => {
      const own = (await store.prices()).map(({ id, entry, createdAt }) =>
        toWire(entry, { id, createdAt })
      )
      const shipped = (await prices.shipped()).map((entry) =>
        toWire(entry, { id: null, createdAt: null })
      )
      const wanted = search?.toLowerCase() ?? ''
      const items = [...own, ...shipped].filter((price) =>
        `${price.provider}:${price.model}`.toLowerCase().includes(wanted)
      )
      return { items: items.slice(0, limit) }
    },
    putLlmPrice: async (input) => {
      const entry: PriceEntry = input
      requireReadable(entry)
      const createdAt = clock.now()
      const id = await idOf(store, entry, createdAt)
      await store.putPrices([{ id, entry, createdAt }])
      await changed()
      return toWire(entry, { id, createdAt })
    },
    deleteLlmPrice: async ({ id }) => {
      if (!(await store.deletePrice(id))) throw fail('resource.not_found', `No price "${id}"`)
      await prices.reload()
      return {}
    },
    importLlmPrices: async ({ prices: table, source, validFrom, providers }) => {
      const { entries, skipped } = readTable(table, { source, validFrom })
      const wanted =
        providers === undefined
          ? entries
          : entries.filter(({ provider }) => providers.includes(provider))
      const createdAt = clock.now()
      const known = await store.prices()
      const ids = new Map(known.map(({ id, entry }) => [keyOf(entry), id]))
      await store.putPrices(
        wanted.map((entry) => ({
          id: ids.get(keyOf(entry)) ?? sortableId('prc', createdAt),
          entry,
          createdAt,
        }))
      )
      return { imported: wanted.length, skipped, repriced: await changed() }
    },
  }
}

function readTable(
  table: Record<string, unknown>,
  about: { source: string; validFrom: number }
): ReturnType<typeof readLiteLlmPrices> {
  try {
    return readLiteLlmPrices(table, about)
  } catch (error) {
    throw fail(
      'request.invalid',
      'This is not LiteLLM’s price table: an object of objects, by the name of the model',
      { cause: error }
    )
  }
}

function requireReadable(entry: PriceEntry): void {
  const lists = [
    entry.prices,
    ...entry.tiers.map(({ prices }) => prices),
    ...Object.values(entry.serviceTiers).flatMap(({ prices, tiers }) => [
      prices,
      ...tiers.map((tier) => tier.prices),
    ]),
  ]
  for (const list of lists)
    for (const [meter, text] of Object.entries(list))
      if (parseUnitPrice(text) === null)
        throw fail('request.invalid', `The price of ${meter} has more than 18 decimals`)
  if (Object.keys(entry.prices).length === 0)
    throw fail('request.invalid', 'Give the price of at least one meter, such as input')
}

/** The same model from the same date is the same price, changed. */
async function idOf(store: LlmCostStore, entry: PriceEntry, now: number): Promise<string> {
  const known = (await store.prices()).find((price) => keyOf(price.entry) === keyOf(entry))
  return known?.id ?? sortableId('prc', now)
}

const keyOf = ({ provider, model, validFrom }: PriceEntry): string =>
  `${provider}/${model}/${validFrom}`

const toWire = (
  entry: PriceEntry,
  own: { id: string | null; createdAt: number | null }
): LlmPrice => ({
  ...entry,
  tiers: entry.tiers.map((tier) => ({ ...tier })),
  serviceTiers: Object.fromEntries(
    Object.entries(entry.serviceTiers).map(([tier, { prices, tiers }]) => [
      tier,
      { prices, tiers: tiers.map((one) => ({ ...one })) },
    ])
  ),
  ...own,
})
