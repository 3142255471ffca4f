export const HOUR_MS = 3_600_000

/** The start of the hour of a moment, in UTC. Both epoch milliseconds. */
export const hourOf = (at: number): number => Math.floor(at / HOUR_MS) * HOUR_MS
