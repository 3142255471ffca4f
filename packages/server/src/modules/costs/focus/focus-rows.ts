import { formatMoney, type Money } from '../../../kernel/money.ts'
import type { CostLine } from '../cost-line.ts'
import type { PricedHour } from '../pricing.ts'
import { HOUR_MS } from '../../../kernel/hour.ts'

/** Columns of FOCUS 1.2 (FinOps Open Cost and Usage Specification), its 21 mandatory ones first; ours begin with `x_`. */
export const FOCUS_COLUMNS = [
  'BilledCost',
  'EffectiveCost',
  'ListCost',
  'ContractedCost',
  'BillingAccountId',
  'BillingAccountName',
  'BillingCurrency',
  'BillingPeriodStart',
  'BillingPeriodEnd',
  'ChargePeriodStart',
  'ChargePeriodEnd',
  'ChargeCategory',
  'ChargeClass',
  'ChargeDescription',
  'InvoiceIssuerName',
  'ProviderName',
  'PublisherName',
  'PricingQuantity',
  'PricingUnit',
  'ServiceCategory',
  'ServiceName',
  'ServiceSubcategory',
  'ConsumedQuantity',
  'ConsumedUnit',
  'PricingCategory',
  'ChargeFrequency',
  'ResourceId',
  'ResourceName',
  'ResourceType',
  'SkuMeter',
  'SubAccountId',
  'SubAccountName',
  'CapacityReservationStatus',
  'Tags',
  'x_ModelId',
  'x_TokenType',
  'x_Variant',
  'x_ApiKeyId',
  'x_CostStatus',
] as const
export type FocusRow = Readonly<Record<(typeof FOCUS_COLUMNS)[number], string | null>>

/** What each meter is called on a bill. */
const METERS: Readonly<Record<string, string>> = {
  input: 'Input Tokens',
  cache_read: 'Cached Input Tokens',
  cache_write_5m: 'Cache Write Tokens',
  cache_write_1h: 'Cache Write Tokens (1 hour)',
  input_audio: 'Input Audio Tokens',
  input_image: 'Input Image Tokens',
  output: 'Output Tokens',
  reasoning: 'Reasoning Tokens',
  output_audio: 'Output Audio Tokens',
  output_image: 'Output Image Tokens',
}

/**
 * One row for each meter, hour and place, and one for each hour's idle time, so that the rows of all projects sum to the bill. What has no price is left
 * out of the costs (FOCUS knows no unknown cost) and says so in `x_CostStatus`.
 */
export function toFocusRows(
  hours: readonly PricedHour[],
  lines: readonly CostLine[],
  project: string
): FocusRow[] {
  const rows = lines
    .filter((line) => line.project === project && line.meter !== 'call')
    .map((line) => lineRow(line))
  const idle = hours
    .filter((hour) => hour.idle > 0n)
    .map((hour) =>
      focusRow({
        hour: hour.hour,
        usd: hour.idle,
        project,
        description: `Idle ${hour.device} time`,
        provider: 'Trestle',
        quantity: String((hour.capacityUs - hour.busyUs) / 3_600_000_000),
        unit: 'Hours',
        subcategory: 'AI Platforms',
        resource: null,
        meter: `${hour.device} time`,
        reservation: 'Unused',
        more: { x_CostStatus: hour.status },
      })
    )
  return [...rows, ...idle]
}

function lineRow(line: CostLine): FocusRow {
  const isTime = line.meter === 'time'
  const meter = isTime ? 'Compute Time' : (METERS[line.meter] ?? line.meter)
  const model = isTime ? line.modelName : line.llmModel
  return focusRow({
    hour: line.hour,
    usd: line.direct ?? 0n,
    project: line.project,
    description: `${meter} of ${model}`,
    provider: isTime ? 'Trestle' : line.provider,
    quantity: isTime ? String(line.busyUs / 3_600_000_000) : String(line.quantity),
    unit: isTime ? 'Hours' : METERS[line.meter] === undefined ? 'Requests' : 'Tokens',
    subcategory: isTime ? 'Machine Learning' : 'Generative AI',
    resource: line,
    meter,
    reservation: isTime ? 'Used' : null,
    more: {
      Tags: JSON.stringify({
        endpoint: line.endpoint,
        variant: line.variant,
        role: line.role,
        ...(line.tag === '' ? {} : { tag: line.tag }),
      }),
      x_ModelId: model,
      x_TokenType: isTime ? null : line.meter,
      x_Variant: line.variant,
      x_ApiKeyId: line.apiKeyId === '' ? null : line.apiKeyId,
      x_CostStatus: line.status,
    },
  })
}

function focusRow(of: {
  hour: number
  usd: Money
  project: string
  description: string
  provider: string
  quantity: string
  unit: string
  subcategory: string
  resource: CostLine | null
  meter: string
  reservation: 'Used' | 'Unused' | null
  more: Partial<FocusRow>
}): FocusRow {
  const cost = formatMoney(of.usd)
  const date = new Date(of.hour)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return {
    BilledCost: cost,
    EffectiveCost: cost,
    ListCost: cost,
    ContractedCost: cost,
    BillingAccountId: 'trestle',
    BillingAccountName: 'Trestle',
    BillingCurrency: 'USD',
    BillingPeriodStart: time(Date.UTC(year, month)),
    BillingPeriodEnd: time(Date.UTC(year, month + 1)),
    ChargePeriodStart: time(of.hour),
    ChargePeriodEnd: time(of.hour + HOUR_MS),
    ChargeCategory: 'Usage',
    ChargeClass: null,
    ChargeDescription: of.description,
    InvoiceIssuerName: of.provider,
    ProviderName: of.provider,
    PublisherName: of.provider,
    PricingQuantity: of.quantity,
    PricingUnit: of.unit,
    ServiceCategory: 'AI and Machine Learning',
    ServiceName: 'Inference',
    ServiceSubcategory: of.subcategory,
    ConsumedQuantity: of.quantity,
    ConsumedUnit: of.unit,
    PricingCategory: 'Standard',
    ChargeFrequency: 'Usage-Based',
    ResourceId: of.resource?.endpointId ?? null,
    ResourceName: of.resource?.endpoint ?? null,
    ResourceType: of.resource === null ? null : 'Endpoint',
    SkuMeter: of.meter,
    SubAccountId: of.project,
    SubAccountName: of.project,
    CapacityReservationStatus: of.reservation,
    Tags: null,
    x_ModelId: null,
    x_TokenType: null,
    x_Variant: null,
    x_ApiKeyId: null,
    x_CostStatus: null,
    ...of.more,
  }
}

/** FOCUS's date format: UTC, to the second. */
const time = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`

/** As RFC 4180 has it; null is an empty field, the empty text a quoted one. */
export function toCsv(rows: readonly FocusRow[]): string {
  const field = (value: string | null): string => {
    if (value === null) return ''
    return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
  }
  const lines = rows.map((row) => FOCUS_COLUMNS.map((column) => field(row[column])).join(','))
  return `${[FOCUS_COLUMNS.join(','), ...lines].join('\r\n')}\r\n`
}
