import { InvalidArgumentError } from 'commander'

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `500ms`, `30s`, `10m`, `1h`, `7d` as milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  if (amount === undefined || unit === undefined)
    throw new InvalidArgumentError('give a number and a unit: 500ms, 30s, 10m, 1h or 7d')
  return Math.round(Number(amount) * UNITS[unit as keyof typeof UNITS]) // the pattern allows no other
}

/** A moment: a duration before now, an ISO 8601 time, or epoch milliseconds. */
export function parseMoment(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return Date.now() - parseDuration(text)
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new InvalidArgumentError(
      'give how long ago (7d, 2h), or a time (2026-11-23, 2026-11-23T18:00Z)'
    )
  return at
}

/** Milliseconds in the largest unit that keeps them readable: `1.5h`. */
export function showDuration(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((u) => ms >= UNITS[u]) ?? 'ms'
  return `${Number((ms / UNITS[unit]).toFixed(1))}${unit}`
}
