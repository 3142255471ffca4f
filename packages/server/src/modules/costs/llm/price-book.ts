import type { PriceEntry } from './price-entry.ts'

/** Looks prices up. Own entries come before shipped ones; of several in force, the one that began last. */
export interface PriceBook {
  /** The price of a provider's model at a moment; null when nobody told of one. */
  find(of: { provider: string; model: string; at: number }): PriceEntry | null
  readonly size: number
}

const DATED = /[-@](\d{4}-\d{2}-\d{2}|\d{8})$/

export function createPriceBook(
  own: readonly PriceEntry[],
  shipped: readonly PriceEntry[]
): PriceBook {
  const books = [indexOf(own), indexOf(shipped)]
  return {
    size: own.length + shipped.length,
    find({ provider, model, at }) {
      const undated = model.replace(DATED, '')
      const keys = [
        keyOf(provider, model),
        keyOf('', model),
        ...(undated === model ? [] : [keyOf(provider, undated), keyOf('', undated)]),
      ]
      for (const book of books)
        for (const key of keys) {
          const inForce = book.get(key)?.find((entry) => isInForce(entry, at))
          if (inForce !== undefined) return inForce
        }
      return null
    },
  }
}

function indexOf(entries: readonly PriceEntry[]): ReadonlyMap<string, readonly PriceEntry[]> {
  const index = Map.groupBy(entries, (entry) => keyOf(entry.provider, entry.model))
  for (const [key, list] of index)
    index.set(
      key,
      list.toSorted((a, b) => b.validFrom - a.validFrom)
    )
  return index
}

const keyOf = (provider: string, model: string): string => `${provider}/${model}`.toLowerCase()

const isInForce = ({ validFrom, validTo }: PriceEntry, at: number): boolean =>
  validFrom <= at && (validTo === null || at < validTo)
