/** A kind of unit that can do the work: rows that one does in a second when busy, and its price. */
export type Worker = Readonly<{ rowsPerSecond: number; usdPerHour: number }>

/** Units are not planned to be busier than this: queues grow without end towards 1. */
export const TARGET_USE = 0.7

export const unitsFor = (worker: Worker, rowsPerSecond: number): number =>
  Math.max(1, Math.ceil(rowsPerSecond / (worker.rowsPerSecond * TARGET_USE) - 1e-9))

export const usdPerHourFor = (worker: Worker, rowsPerSecond: number): number =>
  unitsFor(worker, rowsPerSecond) * worker.usdPerHour

const MAX_UNITS = 10_000

/**
 * The load from which on `large` is cheaper than `small`, whole units each. 0: always. Null: never, because a row costs more there even when it is full
 * (or only where the load is too large to plan for).
 */
export function breakEven(small: Worker, large: Worker): number | null {
  if (usdPerHourFor(large, 0) < usdPerHourFor(small, 0)) return 0
  if (large.usdPerHour / large.rowsPerSecond >= small.usdPerHour / small.rowsPerSecond) return null
  // The bill of the small ones steps up behind each full unit; in between, only that of the large ones can.
  for (let units = 1; units <= MAX_UNITS; units++) {
    const load = units * small.rowsPerSecond * TARGET_USE
    if (usdPerHourFor(large, load) < (units + 1) * small.usdPerHour) return load
  }
  return null
}
