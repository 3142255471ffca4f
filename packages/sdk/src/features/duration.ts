/** `'30s'`, `'15m'`, `'24h'`, `'7d'`. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}`

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** The milliseconds of `'30s'`, `'15m'`, `'24h'` or `'7d'`. Throws on anything else. */
export function milliseconds(duration: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(duration)
  if (match === null)
    throw new Error(`"${duration}" is no duration: write "30s", "15m", "24h" or "7d"`)
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS] // the pattern has no other letter
}
