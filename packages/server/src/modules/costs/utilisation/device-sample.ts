/** How busy one device was a moment ago. Null is what its driver does not tell: never taken for idle. */
export type DeviceSample = Readonly<{
  device: 'cpu' | 'gpu'
  /** What tells it from others: a GPU's UUID, a slice's with its number. */
  unit: string
  name: string
  /** Share of the time in which it worked, 0 to 1. */
  busy: number | null
  memoryUsedBytes: number | null
  memoryTotalBytes: number | null
  powerWatts: number | null
}>

/** Looks at devices. Throws when it can't. */
export type DeviceSampler = (signal: AbortSignal) => Promise<readonly DeviceSample[]>

export const MIB = 1024 * 1024

export const shareOf = (value: number | null): number | null =>
  value === null ? null : Math.min(1, Math.max(0, value))
