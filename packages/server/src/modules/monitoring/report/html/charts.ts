import type { ColumnReport } from '@trestle/contract'
import { escape, number, share, short } from './text.ts'

type Shares = { reference: readonly number[]; current: readonly number[] }

const SHOWN = 8

/** Both distributions over each other: the reference as a filled area, the current rows as a line. */
export function overlay(column: ColumnReport, size: 'small' | 'large'): string {
  const shares = sharesOf(column)
  if (shares === null) return ''
  const most = Math.max(...shares.reference, ...shares.current)
  if (most === 0) return ''
  const width = shares.reference.length * 10
  const says = `${column.column}: distribution of the reference and of the current rows`
  const picture = `<svg class="${size}" viewBox="0 -2 ${width} 104" preserveAspectRatio="none" role="img" aria-label="${escape(says)}"><path class="r" d="${steps(shares.reference, most)}V100H0Z"/><path class="c" d="${steps(shares.current, most)}"/></svg>`
  if (size === 'small' || column.density === null) return picture
  const { from, to } = column.density
  return `${picture}<div class="axis"><span>${number(from)}</span><span>${unitOf(column)}</span><span>${number(to)}</span></div>`
}

/** Shares of the categories that changed most, as pairs of bars. */
export function bars({ histogram }: ColumnReport): string {
  const [reference, current] = [sharesIn(histogram.reference), sharesIn(histogram.current)]
  const rows = histogram.bins
    .map((bin, i) => ({ bin, before: reference[i] ?? 0, now: current[i] ?? 0 }))
    .filter(({ before, now }) => before + now > 0)
    .toSorted((a, b) => Math.abs(b.now - b.before) - Math.abs(a.now - a.before))
    .slice(0, SHOWN)
  return pairs(rows, Math.max(...rows.flatMap(({ before, now }) => [before, now]), 1e-9))
}

/** Pairs of bars, of which the longest may be `most`. */
export function pairs(
  rows: readonly { bin: string; before: number; now: number }[],
  most: number
): string {
  const bar = (kind: string, part: number) =>
    `<i class="${kind}" style="width:${((100 * part) / most).toFixed(1)}%"></i>`
  return `<div class="bars">${rows
    .map(
      ({ bin, before, now }) =>
        `<span title="${short(bin, 120)}">${short(bin, 28)}</span><b>${bar('r', before)}${bar('c', now)}</b><span class="n">${share(now)}<small>was ${share(before)}</small></span>`
    )
    .join('')}</div>`
}

/** `M0 80H10V60H20…`: one step per bin. */
const steps = (shares: readonly number[], most: number): string =>
  shares
    .map(
      (part, i) =>
        `${i === 0 ? 'M0 ' : 'V'}${Math.round(100 - (100 * part) / most)}H${(i + 1) * 10}`
    )
    .join('')

function sharesOf({ density, histogram }: ColumnReport): Shares | null {
  if (density !== null) return density
  if (histogram.bins.length === 0) return null
  return { reference: sharesIn(histogram.reference), current: sharesIn(histogram.current) }
}

function sharesIn(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, n) => sum + n, 0)
  return counts.map((n) => (total === 0 ? 0 : n / total))
}

const unitOf = ({ kind }: ColumnReport): string =>
  kind === 'text' ? 'length in characters' : kind === 'embedding' ? 'length of the vector' : ''
