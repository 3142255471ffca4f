const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })
const exactTime = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'medium',
})
const relative = new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto', style: 'short' })

export const NOTHING = '–'

/** `12,345`; from a million on `1.2M`. */
export function formatCount(n: number): string {
  return Math.abs(n) >= 1e6 ? compact.format(n) : whole.format(n)
}

/** Three significant digits, without a tail of zeros, small numbers in powers of ten. */
export function formatNumber(n: number): string {
  if (!Number.isFinite(n)) return String(n)
  if (n !== 0 && (Math.abs(n) < 1e-4 || Math.abs(n) >= 1e9)) return n.toExponential(2)
  if (Number.isInteger(n)) return whole.format(n)
  return new Intl.NumberFormat('en-GB', {
    maximumSignificantDigits: Math.abs(n) >= 1000 ? 6 : 4,
  }).format(n)
}

/** A share of 0 to 1 as percent, with as many digits as say something. */
export function formatShare(share: number): string {
  const percent = share * 100
  const digits = percent === 0 || percent >= 10 ? 1 : percent >= 0.1 ? 2 : 3
  return `${Number(percent.toFixed(digits))} %`
}

/** Milliseconds as a person says them: `0.42 ms`, `18 ms`, `1.3 s`, `4 min`, `2 h`, `3 d`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0 ms'
  if (ms < 10) return `${Number(ms.toFixed(2))} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`
  if (ms < 3_600_000) return `${Number((ms / 60_000).toFixed(ms % 60_000 === 0 ? 0 : 1))} min`
  if (ms < 86_400_000) return `${Number((ms / 3_600_000).toFixed(1))} h`
  return `${Number((ms / 86_400_000).toFixed(1))} d`
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const rank = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  const value = bytes / 1000 ** rank
  return `${rank === 0 ? value : Number(value.toFixed(value >= 100 ? 0 : 1))} ${units[rank] ?? 'B'}`
}

/**
 * Money from its exact decimal string: two decimals from a dollar on, four significant digits below. For reading only: sums are made on the server.
 */
export function formatUsd(decimal: string): string {
  const value = Number(decimal)
  if (value === 0) return '$0'
  if (Math.abs(value) >= 1)
    return value.toLocaleString('en-US', { style: 'currency', currency: 'USD' })
  return `$${Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 12 })}`
}

export const formatExactTime = (at: number): string => exactTime.format(at)

const STEPS = [
  { unit: 'second', ms: 1000, below: 60_000 },
  { unit: 'minute', ms: 60_000, below: 3_600_000 },
  { unit: 'hour', ms: 3_600_000, below: 86_400_000 },
  { unit: 'day', ms: 86_400_000, below: 30 * 86_400_000 },
  { unit: 'month', ms: 30 * 86_400_000, below: 365 * 86_400_000 },
  { unit: 'year', ms: 365 * 86_400_000, below: Infinity },
] as const

/** `3 min ago`, `in 2 hr`, `just now`. */
export function formatRelative(at: number, now: number): string {
  const distance = at - now
  if (Math.abs(distance) < 5_000) return 'just now'
  const step = STEPS.find((s) => Math.abs(distance) < s.below) ?? STEPS[5]
  return relative.format(Math.round(distance / step.ms), step.unit)
}

/** Words of a code: `rolling-back` → `rolling back`. */
export const inWords = (code: string): string => code.replaceAll(/[-_]/g, ' ')
