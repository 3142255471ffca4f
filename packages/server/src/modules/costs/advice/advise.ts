import type { CostAdvice } from '@trestle/contract'
import { HOUR_MS, hourOf } from '../../../kernel/hour.ts'
import { MONEY_SCALE, type Money } from '../../../kernel/money.ts'
import type { Monitoring } from '../../monitoring/index.ts'
import type { Serving } from '../../serving/index.ts'
import type { CostLine } from '../cost-line.ts'
import type { SavingsRow } from '../llm/savings.ts'
import { moneyOf } from '../llm/token-rows.ts'
import type { PricedHour } from '../pricing.ts'
import { perThousand, sumOf } from '../report.ts'
import type { Device } from '../usage.ts'
import type { UtilisationRow } from '../utilisation/store.ts'
import { batchAdvice, cacheAdvice, deviceAdvice, idleAdvice, shadowAdvice } from './advisers.ts'

export type Evidence = Readonly<{
  project: string
  span: { from: number; to: number }
  hours: readonly PricedHour[]
  lines: readonly CostLine[]
  utilisation: readonly UtilisationRow[]
  savings: readonly SavingsRow[]
  /** Dollars of a unit and hour, now; null without a price. */
  usdPerHour: (device: Device) => number | null
}>

/** Everything that there is to advise of a project, what saves most first. */
export async function advise(
  deps: {
    serving: Pick<Serving, 'measuredBatches' | 'listEndpoints'>
    comparison: Monitoring['comparison']
  },
  evidence: Evidence
): Promise<CostAdvice[]> {
  const own = evidence.lines.filter(({ project }) => project === evidence.project)
  const all = [
    ...batches(deps.serving, evidence, own),
    ...idle(evidence),
    ...devices(evidence, own),
    ...(await shadows(deps, evidence, own)),
    ...caches(evidence, own),
  ]
  return all.toSorted((a, b) => (b.savesUsdPerMonth ?? -1) - (a.savesUsdPerMonth ?? -1))
}

function batches(
  serving: Pick<Serving, 'measuredBatches'>,
  { project, usdPerHour, span }: Evidence,
  own: readonly CostLine[]
): CostAdvice[] {
  return serving.measuredBatches(project).flatMap((of) => {
    const price = usdPerHour(of.device)
    if (price === null) return []
    const rows = predictionsOf(
      own.filter((line) => line.endpointId === of.endpointId && line.variant === of.variant)
    )
    const load = { usdPerHour: price, rowsPerSecond: rows / secondsOf(span) }
    return batchAdvice(of, load) ?? []
  })
}

function idle({ hours, utilisation, usdPerHour }: Evidence): CostAdvice[] {
  return (['cpu', 'gpu'] as const).flatMap((device) => {
    const whole = hours.filter((hour) => hour.device === device && hour.capacityUs > 0)
    const price = usdPerHour(device)
    const newest = whole.at(-1)
    if (price === null || newest === undefined) return []
    const measured = [
      ...Map.groupBy(
        utilisation.filter((row) => row.device === device && row.observed_us > 0),
        ({ hour }) => hour
      ).values(),
    ].map((rows) => sum(rows, (r) => r.busy_us) / sum(rows, (r) => r.observed_us))
    const seconds = sum(whole, (hour) => hour.capacityUs) / 1e6
    // Of one unit, an hour has at most its seconds: what stands above is more units.
    const units = Math.max(
      1,
      ...whole.map((hour) => Math.round(hour.capacityUs / (HOUR_MS * 1_000)))
    )
    return (
      idleAdvice({
        device,
        units,
        usdPerHour: price,
        meteredPeak: Math.max(...whole.map((hour) => Math.min(1, hour.busyUs / hour.capacityUs))),
        measuredPeak: measured.length === 0 ? null : Math.max(...measured),
        hours: seconds / 3_600 / units,
      }) ?? []
    )
  })
}

function devices({ usdPerHour, hours }: Evidence, own: readonly CostLine[]): CostAdvice[] {
  const deviceOf = new Map(
    hours.flatMap(({ rows, device }) =>
      rows.map(({ usage }) => [`${usage.endpoint_id}/${usage.variant}`, device] as const)
    )
  )
  const timed = own.filter(({ meter, role }) => meter === 'time' && role === 'live')
  return [...Map.groupBy(timed, ({ endpointId }) => endpointId).values()].flatMap((lines) => {
    const workers = [...Map.groupBy(lines, ({ variant }) => variant)].flatMap(([variant, mine]) => {
      const device = deviceOf.get(`${mine[0]?.endpointId ?? ''}/${variant}`)
      const price = device === undefined ? null : usdPerHour(device)
      const [busy, rows] = [sum(mine, ({ busyUs }) => busyUs) / 1e6, predictionsOf(mine)]
      if (device === undefined || price === null || busy <= 0 || rows < MIN_ROWS) return []
      return [{ variant, device, usdPerHour: price, rowsPerSecond: rows / busy }]
    })
    const small = workers.find(({ device }) => device === 'cpu')
    const large = workers.find(({ device }) => device !== 'cpu')
    if (small === undefined || large === undefined) return []
    const byHour = [...Map.groupBy(lines, ({ hour }) => hour).values()].map(predictionsOf)
    const peakRowsPerSecond = Math.max(...byHour) / 3_600
    return [deviceAdvice({ endpoint: lines[0]?.endpoint ?? '', small, large, peakRowsPerSecond })]
  })
}

async function shadows(
  deps: Parameters<typeof advise>[0],
  { project, span }: Evidence,
  own: readonly CostLine[]
): Promise<CostAdvice[]> {
  const advice: CostAdvice[] = []
  const costOf = (endpointId: string, variant: string, role: 'live' | 'shadow') => {
    const lines = own.filter(
      (l) => l.endpointId === endpointId && l.variant === variant && l.role === role
    )
    const isPriced = lines.every(({ direct }) => direct !== null)
    const usd = isPriced ? perThousand(sumOf(lines, 'direct'), predictionsOf(lines)) : null
    return { usd: usd === null ? null : dollarsOf(usd), predictions: predictionsOf(lines) }
  }
  for (const endpoint of await deps.serving.listEndpoints(project)) {
    const { weights, shadows: copies } = endpoint.traffic
    const primary = weights.toSorted((a, b) => b.basisPoints - a.basisPoints)[0]?.variant
    if (primary === undefined) continue
    for (const { variant } of copies) {
      const [live, shadow] = [
        costOf(endpoint.id, primary, 'live'),
        costOf(endpoint.id, variant, 'shadow'),
      ]
      const comparison = await deps.comparison({
        endpointId: endpoint.id,
        primary,
        shadow: variant,
        from: span.from,
      })
      advice.push(
        shadowAdvice({
          endpoint: endpoint.name,
          primary: {
            variant: primary,
            usdPer1000: live.usd,
            predictionsPerMonth: (live.predictions / secondsOf(span)) * 3_600 * 730,
          },
          shadow: { variant, usdPer1000: shadow.usd },
          comparison,
        })
      )
    }
  }
  return advice
}

function caches({ project, savings, span }: Evidence, own: readonly CostLine[]): CostAdvice[] {
  const mine = savings.filter((row) => row.project === project)
  return [...Map.groupBy(mine, ({ endpoint }) => endpoint)].flatMap(([endpoint, rows]) => {
    const priced = rows.filter(({ status }) => status === 'measured')
    const calls = sum(
      own.filter((line) => line.endpoint === endpoint && line.role === 'live'),
      ({ requests }) => requests
    )
    const hits = sum(rows, (row) => row.calls)
    return (
      cacheAdvice({
        endpoint,
        hits,
        calls: Math.max(calls, hits),
        tokens: sum(rows, (row) => row.tokens),
        savedUsd:
          priced.length === 0 ? null : dollarsOf(priced.reduce((t, row) => t + moneyOf(row), 0n)),
        hours: Math.max(1, (span.to - hourOf(span.from)) / HOUR_MS),
      }) ?? []
    )
  })
}

/** Fewer rows say too little of how fast a unit is. */
const MIN_ROWS = 100

const sum = <T>(items: readonly T[], pick: (item: T) => number): number =>
  items.reduce((total, item) => total + pick(item), 0)
const predictionsOf = (lines: readonly CostLine[]): number => sum(lines, (line) => line.predictions)
const secondsOf = ({ from, to }: { from: number; to: number }): number => (to - from) / 1_000
const dollarsOf = (money: Money): number => Number(money) / Number(MONEY_SCALE)
