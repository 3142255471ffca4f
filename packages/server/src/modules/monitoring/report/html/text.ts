/** Text as HTML writes it. */
export const escape = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

/** At most `length` characters, escaped. */
export const short = (text: string, length: number): string => {
  const characters = Array.from(text)
  return escape(characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`)
}

export const count = (n: number): string => n.toLocaleString('en')

export const share = (part: number): string => `${Number((part * 100).toPrecision(3))} %`

export const number = (value: number | null): string => {
  if (value === null) return '–'
  if (value >= Number.MAX_VALUE) return 'beyond measure'
  const size = Math.abs(value)
  return size !== 0 && (size < 1e-3 || size >= 1e7)
    ? value.toExponential(2)
    : Number(value.toPrecision(4)).toLocaleString('en', { maximumFractionDigits: 6 })
}

export const probability = (p: number | null): string =>
  p === null ? '–' : p < 0.0001 ? '< 0.0001' : p.toFixed(4)
