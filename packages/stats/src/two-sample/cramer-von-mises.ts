import type { TestOutcome } from '../outcome.ts'
import { cleanPair, midranks } from '../samples.ts'
import type { Numbers } from '../samples.ts'
import { logGamma } from '../special/gamma.ts'

export type CvmOptions = {
  /** 'auto' is exact while both samples have at most 20 values. */
  readonly method?: 'auto' | 'exact' | 'asymptotic'
}

/** Two-sample Cramer-von Mises test (Anderson 1962): like Kolmogorov-Smirnov, but weighs the whole curve. */
export function cramerVonMises(x: Numbers, y: Numbers, options: CvmOptions = {}): TestOutcome {
  const pair = cleanPair(x, y, 'rank')
  if (pair.kind === 'undefined') return pair
  const n = pair.x.length
  const m = pair.y.length
  const pooled = new Float64Array(n + m)
  pooled.set(pair.x.sort())
  pooled.set(pair.y.sort(), n)
  const { ranks } = midranks(pooled)
  let u = 0
  for (let i = 0; i < n; i++) u += n * (ranks[i]! - i - 1) ** 2
  for (let j = 0; j < m; j++) u += m * (ranks[n + j]! - j - 1) ** 2
  const statistic = u / (n * m * (n + m)) - (4 * n * m - 1) / (6 * (n + m))
  const method = options.method ?? 'auto'
  const exact = method === 'exact' || (method === 'auto' && Math.max(n, m) <= 20)
  return {
    kind: 'ok',
    statistic,
    pValue: exact ? exactPValue(statistic, n, m) : limitPValue(statistic, n, m),
  }
}

function limitPValue(statistic: number, n: number, m: number): number {
  const total = n + m
  const product = n * m
  const expected = (1 + 1 / total) / 6
  const variance =
    ((total + 1) * (4 * product * total - 3 * (n * n + m * m) - 2 * product)) /
    (45 * total * total * 4 * product)
  const standardised = 1 / 6 + (statistic - expected) / Math.sqrt(45 * variance)
  return standardised < 0.003 ? 1 : Math.min(1, Math.max(0, 1 - limitCdf(standardised)))
}

/** Limiting distribution (Anderson and Darling 1952, eq. 4.35). */
function limitCdf(x: number): number {
  let sum = 0
  for (let k = 0; k < 40; k++) {
    const y = 4 * k + 1
    const q = (y * y) / (16 * x)
    const term = Math.exp(logGamma(k + 0.5) - logGamma(k + 1)) * Math.sqrt(y) * scaledBesselK(q)
    sum += term
    if (term < 1e-17) break
  }
  return sum / (Math.PI ** 1.5 * Math.sqrt(x))
}

/** exp(-q) K_{1/4}(q) = integral of exp(-q (cosh t + 1)) cosh(t / 4): the trapezoid rule converges geometrically. */
function scaledBesselK(q: number): number {
  const step = 1 / 64
  let sum = Math.exp(-2 * q) / 2
  for (let i = 1; i < 64 * 40; i++) {
    const t = i * step
    const exponent = q * (Math.cosh(t) + 1)
    if (exponent > 745) break
    sum += Math.exp(-exponent) * Math.cosh(t / 4)
  }
  return sum * step
}

/** Counts all interleavings by their value of sum (a i - b j)^2 (Xiao, Gordon and Yakovlev 2007). */
function exactPValue(statistic: number, n: number, m: number): number {
  const common = (n * m) / gcd(n, m)
  const a = common / n
  const b = common / m
  const threshold = (statistic * ((n + m) * common) ** 2) / (n * m)
  let row: Map<number, number>[] = []
  for (let i = 0; i <= n; i++) {
    const next: Map<number, number>[] = []
    for (let j = 0; j <= m; j++) {
      const here = new Map<number, number>(i === 0 && j === 0 ? [[0, 1]] : [])
      const deviation = (a * i - b * j) ** 2
      for (const from of [i > 0 ? row[j] : undefined, next[j - 1]])
        for (const [sum, ways] of from ?? [])
          here.set(sum + deviation, (here.get(sum + deviation) ?? 0) + ways)
      next.push(here)
    }
    row = next
  }
  let all = 0
  let extreme = 0
  for (const [sum, ways] of row[m]!) {
    all += ways
    if (sum >= threshold - 1e-6 * Math.max(1, threshold) * 1e-3) extreme += ways
  }
  return extreme / all
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
