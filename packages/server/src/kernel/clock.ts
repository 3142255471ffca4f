/** Time as a dependency: epoch milliseconds, so that tests and replays set it. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** A clock that stands still until it is moved. */
export function createManualClock(start: number): Clock & { advance(ms: number): void } {
  let time = start
  return {
    now: () => time,
    advance: (ms) => {
      time += ms
    },
  }
}
