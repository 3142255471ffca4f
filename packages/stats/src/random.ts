/** Uniform numbers in [0, 1). Chance is always handed in, so that every result can be repeated. */
export type Rng = () => number

/** A small seeded generator (mulberry32: 32-bit state, passes gjrand's small-state tests); not for secrets. */
export function createRng(seed: number): Rng {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Shuffles the first `count` places of `items` in place (partial Fisher-Yates). */
export function shuffle(
  items: { [index: number]: number; readonly length: number },
  rng: Rng,
  count = items.length
): void {
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(rng() * (items.length - i))
    const held = items[i]!
    items[i] = items[j]!
    items[j] = held
  }
}
