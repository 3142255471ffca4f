import type { Money } from '../../../kernel/money.ts'
import type { InferenceCompleted, LlmUsage } from '../../serving/index.ts'
import { hourOf } from '../../../kernel/hour.ts'
import { priceCall, serviceTierOf } from './price-entry.ts'
import type { PriceBook } from './price-book.ts'
import type { LlmCostTables } from './tables.ts'

export type TokenRow = LlmCostTables['cost_tokens']

const PICO_PER_MICRO = 1_000_000n

/** Everything that tells one row from another. */
export const TOKEN_KEY = [
  'hour',
  'project',
  'endpoint_id',
  'endpoint',
  'variant',
  'model_name',
  'model_version',
  'role',
  'api_key_id',
  'tag',
  'provider',
  'priced_as',
  'meter',
  'status',
] as const satisfies readonly (keyof TokenRow)[]

/** What a row cost. */
export const moneyOf = (row: Pick<TokenRow, 'usd_micro' | 'usd_pico'>): Money =>
  BigInt(row.usd_micro) * PICO_PER_MICRO + BigInt(row.usd_pico)

export const splitUsd = (usd: Money): Pick<TokenRow, 'usd_micro' | 'usd_pico'> => ({
  usd_micro: Number(usd / PICO_PER_MICRO),
  usd_pico: Number(usd % PICO_PER_MICRO),
})

/**
 * A call as rows of the ledger: one that counts it, and one for each meter that it used. What has no price is `unpriced`, with its quantity kept, so
 * that a price that comes later still finds it. Calls that are billed by time cost nothing here: their busy time is in the other ledger.
 */
export function toTokenRows(event: InferenceCompleted, llm: LlmUsage, book: PriceBook): TokenRow[] {
  const base = {
    hour: hourOf(event.at),
    project: event.project,
    endpoint_id: event.endpointId,
    endpoint: event.endpoint,
    variant: event.variant,
    model_name: event.model.name,
    model_version: event.model.version,
    role: event.role,
    api_key_id: event.apiKeyId ?? '',
    tag: llm.tag,
    provider: llm.provider,
    priced_as: llm.model,
    requests: 0,
    predictions: 0,
    usd_micro: 0,
    usd_pico: 0,
  }
  const isTimed = llm.billing === 'time'
  const call: TokenRow = {
    ...base,
    meter: 'call',
    status: llm.status,
    quantity: 1,
    requests: isTimed ? 0 : 1,
    predictions: !isTimed && event.status === 'ok' ? event.rows : 0,
  }
  if (isTimed)
    return [
      call,
      ...Object.entries(llm.usage).map(([meter, quantity]): TokenRow => ({
        ...base,
        meter: meter as TokenRow['meter'], // the keys of a usage are meters
        status: llm.status,
        quantity,
      })),
    ]
  const entry = book.find({ provider: llm.provider, model: llm.model, at: event.at })
  if (entry === null)
    return [
      call,
      ...Object.entries(llm.usage).map(([meter, quantity]): TokenRow => ({
        ...base,
        meter: meter as TokenRow['meter'],
        status: 'unpriced',
        quantity,
      })),
    ]
  const price = priceCall(entry, llm.usage, { serviceTier: serviceTierOf(llm.serviceTier) })
  const status = price.isApproximate && llm.status === 'measured' ? 'estimated' : llm.status
  return [
    call,
    ...price.lines.map(({ meter, quantity, usd }): TokenRow => ({
      ...base,
      meter,
      status: usd === null ? 'unpriced' : status,
      quantity,
      ...splitUsd(usd ?? 0n),
    })),
  ]
}

/** Rows of calls summed by what tells them apart, waiting for the ledger. */
export function createTokenMeter() {
  let rows = new Map<string, TokenRow>()
  return {
    add(row: TokenRow): void {
      const key = TOKEN_KEY.map((name) => row[name]).join('\u0000')
      const known = rows.get(key)
      if (known === undefined) {
        rows.set(key, { ...row })
        return
      }
      known.quantity += row.quantity
      known.requests += row.requests
      known.predictions += row.predictions
      known.usd_micro += row.usd_micro
      known.usd_pico += row.usd_pico
    },
    isEmpty: (): boolean => rows.size === 0,
    take(): TokenRow[] {
      const taken = [...rows.values()]
      rows = new Map()
      return taken
    },
  }
}
