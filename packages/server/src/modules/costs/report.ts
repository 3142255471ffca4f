import type { CostReport, CostRow } from '@trestle/contract'
import { formatMoney, multiplyMoney, type Money } from '../../kernel/money.ts'
import { worstStatus, type PricedHour, type PricedRow } from './pricing.ts'

type GroupBy = 'hour' | 'day' | 'endpoint' | 'variant' | 'version' | 'role' | 'apiKey'

/** What a project spent, by group, beside the whole bill. */
export function toReport(
  hours: readonly PricedHour[],
  query: {
    project: string
    endpoint: string | undefined
    groupBy: readonly GroupBy[]
    from: number
    to: number
  }
): CostReport {
  const all = hours.flatMap((hour) => hour.rows)
  const own = all.filter(
    (row) =>
      row.usage.project === query.project &&
      (query.endpoint === undefined || row.usage.endpoint === query.endpoint)
  )
  const groups = Map.groupBy(own, (row) => JSON.stringify(groupOf(row, query.groupBy)))
  const sum = (pick: (hour: PricedHour) => bigint): bigint =>
    hours.reduce((total, hour) => total + pick(hour), 0n)
  const others = all.filter((row) => row.usage.project !== query.project)
  return {
    from: query.from,
    to: query.to,
    rows: [...groups]
      .map(([group, rows]) => toRow(JSON.parse(group) as Record<string, string>, rows)) // made just above
      .toSorted((a, b) => compareGroups(a.group, b.group)),
    bill: {
      billUsd: formatMoney(sum((hour) => hour.bill)),
      directUsd: formatMoney(sum((hour) => hour.direct)),
      idleUsd: formatMoney(sum((hour) => hour.idle)),
      unallocatedUsd: formatMoney(sum((hour) => (hour.direct === 0n ? hour.idle : 0n))),
      capacitySeconds: hours.reduce((total, hour) => total + hour.capacityUs, 0) / 1e6,
      busySeconds: hours.reduce((total, hour) => total + hour.busyUs, 0) / 1e6,
      otherProjectsUsd: formatMoney(sumOf(others, 'direct') ?? 0n),
      status: worstStatus(hours.map((hour) => hour.status)),
    },
  }
}

function groupOf(row: PricedRow, groupBy: readonly GroupBy[]): Record<string, string> {
  const { usage } = row
  const group: Record<string, string> = {}
  for (const by of groupBy) group[by] = valueOf(by, usage)
  return group
}

function valueOf(by: GroupBy, usage: PricedRow['usage']): string {
  switch (by) {
    case 'hour':
      return new Date(usage.hour).toISOString().slice(0, 13)
    case 'day':
      return new Date(usage.hour).toISOString().slice(0, 10)
    case 'endpoint':
      return usage.endpoint
    case 'variant':
      return `${usage.endpoint}/${usage.variant}`
    case 'version':
      return `${usage.model_name}/${usage.model_version}`
    case 'role':
      return usage.role
    case 'apiKey':
      return usage.api_key_id === '' ? '(none)' : usage.api_key_id
  }
}

function toRow(group: Record<string, string>, rows: readonly PricedRow[]): CostRow {
  const count = (pick: (row: PricedRow) => number): number =>
    rows.reduce((total, row) => total + pick(row), 0)
  const predictions = count((row) => row.usage.predictions)
  const direct = sumOf(rows, 'direct')
  const loaded = sumOf(rows, 'loaded')
  const status = worstStatus(rows.map((row) => row.status))
  return {
    group,
    requests: count((row) => row.usage.requests),
    predictions,
    busySeconds: count((row) => row.usage.busy_us) / 1e6,
    directUsd: textOf(direct),
    loadedUsd: textOf(loaded),
    // A price per prediction over a group of which a part has no price would be too low.
    directUsdPer1000: status === 'unpriced' ? null : textOf(perThousand(direct, predictions)),
    loadedUsdPer1000: status === 'unpriced' ? null : textOf(perThousand(loaded, predictions)),
    status,
    unpricedPredictions: count((row) => (row.status === 'unpriced' ? row.usage.predictions : 0)),
  }
}

/** The sum of what has a price; null when nothing has. */
export function sumOf(rows: readonly PricedRow[], what: 'direct' | 'loaded'): Money | null {
  const priced = rows.flatMap((row) => row[what] ?? [])
  return priced.length === 0 ? null : priced.reduce((a, b) => a + b, 0n)
}

/** Null without predictions: nothing was bought, so there is no price of one. */
export const perThousand = (money: Money | null, predictions: number): Money | null =>
  money === null || predictions === 0 ? null : multiplyMoney(money, 1_000n, BigInt(predictions))

const textOf = (money: Money | null): string | null => (money === null ? null : formatMoney(money))

const compareGroups = (a: Record<string, string>, b: Record<string, string>): number => {
  const left = Object.values(a).join('\u0000')
  const right = Object.values(b).join('\u0000')
  return left < right ? -1 : left > right ? 1 : 0
}
