import type { CostGroup, CostReport, CostRow } from '@trestle/contract'
import { formatMoney, multiplyMoney, type Money } from '../../kernel/money.ts'
import type { CostLine } from './cost-line.ts'
import { worstStatus, type PricedHour } from './pricing.ts'

/** What a project spent, by group, beside the whole bill: the bill of the devices, and what was bought by the token. */
export function toReport(
  hours: readonly PricedHour[],
  lines: readonly CostLine[],
  query: {
    project: string
    endpoint: string | undefined
    groupBy: readonly CostGroup[]
    from: number
    to: number
  }
): CostReport {
  const own = lines.filter(
    (line) =>
      line.project === query.project &&
      (query.endpoint === undefined || line.endpoint === query.endpoint)
  )
  const groups = Map.groupBy(own, (line) => JSON.stringify(groupOf(line, query.groupBy)))
  const sum = (pick: (hour: PricedHour) => bigint): bigint =>
    hours.reduce((total, hour) => total + pick(hour), 0n)
  const tokens =
    sumOf(
      lines.filter((line) => line.meter !== 'time'),
      'direct'
    ) ?? 0n
  const others = lines.filter((line) => line.project !== query.project)
  return {
    from: query.from,
    to: query.to,
    rows: [...groups]
      .map(([group, rows]) => toRow(JSON.parse(group) as Record<string, string>, rows)) // made just above
      .toSorted((a, b) => compareGroups(a.group, b.group)),
    bill: {
      billUsd: formatMoney(sum((hour) => hour.bill) + tokens),
      directUsd: formatMoney(sum((hour) => hour.direct) + tokens),
      idleUsd: formatMoney(sum((hour) => hour.idle)),
      tokensUsd: formatMoney(tokens),
      unallocatedUsd: formatMoney(sum((hour) => (hour.direct === 0n ? hour.idle : 0n))),
      capacitySeconds: hours.reduce((total, hour) => total + hour.capacityUs, 0) / 1e6,
      busySeconds: hours.reduce((total, hour) => total + hour.busyUs, 0) / 1e6,
      otherProjectsUsd: formatMoney(sumOf(others, 'direct') ?? 0n),
      status: worstStatus([
        ...hours.map((hour) => hour.status),
        ...lines.filter((line) => line.meter !== 'time').map((line) => line.status),
      ]),
    },
  }
}

function groupOf(line: CostLine, groupBy: readonly CostGroup[]): Record<string, string> {
  const group: Record<string, string> = {}
  for (const by of groupBy) group[by] = valueOf(by, line)
  return group
}

function valueOf(by: CostGroup, line: CostLine): string {
  switch (by) {
    case 'hour':
      return new Date(line.hour).toISOString().slice(0, 13)
    case 'day':
      return new Date(line.hour).toISOString().slice(0, 10)
    case 'project':
      return line.project
    case 'endpoint':
      return line.endpoint
    case 'variant':
      return `${line.endpoint}/${line.variant}`
    case 'version':
      return `${line.modelName}/${line.modelVersion}`
    case 'role':
      return line.role
    case 'apiKey':
      return line.apiKeyId === '' ? '(none)' : line.apiKeyId
    case 'tag':
      return line.tag === '' ? '(none)' : line.tag
    case 'model':
      return line.llmModel === '' ? line.modelName : `${line.provider}:${line.llmModel}`
    case 'meter':
      return line.meter
  }
}

function toRow(group: Record<string, string>, lines: readonly CostLine[]): CostRow {
  const count = (pick: (line: CostLine) => number): number =>
    lines.reduce((total, line) => total + pick(line), 0)
  const predictions = count((line) => line.predictions)
  const inputTokens = count((line) => line.inputTokens)
  const outputTokens = count((line) => line.outputTokens)
  const direct = sumOf(lines, 'direct')
  const loaded = sumOf(lines, 'loaded')
  const status = worstStatus(lines.map((line) => line.status))
  // A unit price over a group of which a part has no price would be too low.
  const isPriced = status !== 'unpriced' && status !== 'unmetered'
  return {
    group,
    requests: count((line) => line.requests),
    predictions,
    busySeconds: count((line) => line.busyUs) / 1e6,
    inputTokens,
    outputTokens,
    directUsd: textOf(direct),
    loadedUsd: textOf(loaded),
    directUsdPer1000: isPriced ? textOf(perThousand(direct, predictions)) : null,
    loadedUsdPer1000: isPriced ? textOf(perThousand(loaded, predictions)) : null,
    loadedUsdPerMillionTokens:
      isPriced && loaded !== null && inputTokens + outputTokens > 0
        ? formatMoney(multiplyMoney(loaded, 1_000_000n, BigInt(inputTokens + outputTokens)))
        : null,
    status,
    unpricedPredictions: count((line) => (line.status === 'unpriced' ? line.predictions : 0)),
  }
}

/** The sum of what has a price; null when nothing has. */
export function sumOf(
  lines: readonly Pick<CostLine, 'direct' | 'loaded'>[],
  what: 'direct' | 'loaded'
): Money | null {
  const priced = lines.flatMap((line) => line[what] ?? [])
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
