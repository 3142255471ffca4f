/**
 * Chance with a seed: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021, prng.di.unimi.it), seeded by SplitMix32. The same seed gives the same stream on
 * every machine. Not for secrets.
 */
export type Rng = Readonly<{
  /** Uniform in [0, 1), 32 bits of it. */
  uniform(): number
  /** Whole number in [0, below). */
  integer(below: number): number
  /** True with the given probability. Always consumes exactly one draw. */
  chance(probability: number): boolean
  /** Standard normal, by Box–Muller. Always consumes exactly two draws. */
  normal(): number
  /** Exponential with the given mean. */
  exponential(mean: number): number
}>

/** An independent stream for each (seed, purpose), so that a new draw in one never moves another. */
export function createRng(seed: number, purpose: string): Rng {
  const next = xoshiro128(mix(seed, purpose))
  const uniform = () => next() / 4294967296
  // 1 - u lies in (0, 1], so the logarithm is finite.
  const exponential = (mean: number) => -mean * Math.log(1 - uniform())
  return {
    uniform,
    exponential,
    integer: (below) => Math.floor(uniform() * below),
    chance: (probability) => uniform() < probability,
    normal: () => {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
      return radius * Math.cos(2 * Math.PI * uniform())
    },
  }
}

/** FNV-1a over the seed and the purpose. */
function mix(seed: number, purpose: string): number {
  let hash = 2166136261
  for (const char of `${seed}/${purpose}`)
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619)
  return hash >>> 0
}

function splitMix32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
}

function xoshiro128(seed: number): () => number {
  const fill = splitMix32(seed)
  let [a, b, c, d] = [fill(), fill(), fill(), fill()]
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotateLeft(d, 11)
    return result
  }
}

function rotateLeft(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
