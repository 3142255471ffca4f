/**
 * Shares the time that a device is busy among what runs on it at once (processor sharing): at every moment, each of `n` executions owns `min(1, units / n)`
 * of a unit. So the shares never sum to more than the device had, and to all of the time in which it was busy.
 */
export interface BusyShare {
  /** An execution begins; call the result once, at its end, for the milliseconds that it owns. */
  enter(): () => number
}

export function createBusyShare(options: { units: number; now: () => number }): BusyShare {
  const { units, now } = options
  let running = 0
  let at = 0
  /** What one execution would own that had run since the beginning. */
  let owned = 0

  const advance = (): void => {
    const next = now()
    if (running > 0) owned += (next - at) * Math.min(1, units / running)
    at = next
  }
  return {
    enter() {
      advance()
      if (running === 0) owned = 0
      running++
      const before = owned
      let share: number | null = null
      return () => {
        if (share !== null) return share
        advance()
        running--
        share = owned - before
        return share
      }
    },
  }
}

/** One share for each device, by whatever names it. Devices are few and stay. */
export function createBusyShares(options: { units: number; now: () => number }) {
  const shares = new Map<string, BusyShare>()
  return {
    enter(device: string): () => number {
      let share = shares.get(device)
      if (share === undefined) shares.set(device, (share = createBusyShare(options)))
      return share.enter()
    },
  }
}
export type BusyShares = ReturnType<typeof createBusyShares>
