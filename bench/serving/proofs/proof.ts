/** One promise, tried on a live server. */
export type Proof = Readonly<{
  name: string
  /** What was measured, in one line, and whether the promise held. */
  run: () => Promise<Readonly<{ measured: string; holds: boolean }>>
}>

/** A number from the environment: the small default is for a quick look, the full size is in the README. */
export const size = (name: string, otherwise: number): number =>
  Number(process.env[name] ?? otherwise)

/** Calls `task` from `clients` loops until it says to stop. */
export const inLoops = async (clients: number, task: () => Promise<boolean>): Promise<void> => {
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (await task());
    })
  )
}

export const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ??
  NaN
