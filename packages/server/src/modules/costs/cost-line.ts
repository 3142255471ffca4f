import type { Money } from '../../kernel/money.ts'
import { INPUT_METERS, OUTPUT_METERS } from '../serving/index.ts'
import { moneyOf, type TokenRow } from './llm/token-rows.ts'
import type { CostStatus, PricedHour } from './pricing.ts'

/** A priced row of either ledger: time of a device, or tokens of an LLM. Null money: it has no price. */
export type CostLine = Readonly<{
  hour: number
  project: string
  endpointId: string
  endpoint: string
  variant: string
  modelName: string
  modelVersion: number
  role: 'live' | 'shadow'
  apiKeyId: string
  tag: string
  /** Of an LLM; empty for a device's time. */
  provider: string
  llmModel: string
  /** What was counted: `time`, or a meter of LLM calls. */
  meter: TokenRow['meter'] | 'time'
  quantity: number
  requests: number
  predictions: number
  busyUs: number
  inputTokens: number
  outputTokens: number
  direct: Money | null
  /** Direct cost and its share of idle time. What is bought by the token has no idle time. */
  loaded: Money | null
  status: CostStatus
}>

/** Both ledgers in one list. */
export const costLines = (
  hours: readonly PricedHour[],
  tokens: readonly TokenRow[]
): CostLine[] => [
  ...hours.flatMap((hour) => hour.rows.map((row) => deviceLine(row))),
  ...tokens.map(tokenLine),
]

function deviceLine({ usage, direct, loaded, status }: PricedHour['rows'][number]): CostLine {
  return {
    hour: usage.hour,
    project: usage.project,
    endpointId: usage.endpoint_id,
    endpoint: usage.endpoint,
    variant: usage.variant,
    modelName: usage.model_name,
    modelVersion: usage.model_version,
    role: usage.role,
    apiKeyId: usage.api_key_id,
    tag: '',
    provider: '',
    llmModel: '',
    meter: 'time',
    quantity: usage.busy_us,
    requests: usage.requests,
    predictions: usage.predictions,
    busyUs: usage.busy_us,
    inputTokens: 0,
    outputTokens: 0,
    direct,
    loaded,
    status,
  }
}

const INPUT: ReadonlySet<string> = new Set(INPUT_METERS)
const OUTPUT: ReadonlySet<string> = new Set(OUTPUT_METERS)

function tokenLine(row: TokenRow): CostLine {
  const usd = row.status === 'unpriced' ? null : moneyOf(row)
  return {
    hour: row.hour,
    project: row.project,
    endpointId: row.endpoint_id,
    endpoint: row.endpoint,
    variant: row.variant,
    modelName: row.model_name,
    modelVersion: row.model_version,
    role: row.role,
    apiKeyId: row.api_key_id,
    tag: row.tag,
    provider: row.provider,
    llmModel: row.priced_as,
    meter: row.meter,
    quantity: row.quantity,
    requests: row.requests,
    predictions: row.predictions,
    busyUs: 0,
    inputTokens: INPUT.has(row.meter) ? row.quantity : 0,
    outputTokens: OUTPUT.has(row.meter) ? row.quantity : 0,
    direct: usd,
    loaded: usd,
    status: row.status,
  }
}
