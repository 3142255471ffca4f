import { normalSf } from '@trestle/stats'

export const meanOf = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0
  return values.length === 0 ? 0 : sum / values.length
}

export function varianceOf(values: ArrayLike<number>): number {
  const mean = meanOf(values)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += ((values[i] ?? 0) - mean) ** 2
  return values.length < 2 ? 0 : sum / (values.length - 1)
}

/** Whether losses rose by more than the tolerance, and by more than chance (one-sided Welch z at 1 %). `variance` is of the losses now. */
export function areWorse(
  before: ArrayLike<number>,
  now: ArrayLike<number>,
  { tolerance, variance = varianceOf(now) }: { tolerance: number; variance?: number }
): boolean {
  const difference = meanOf(now) - meanOf(before)
  if (difference <= tolerance * meanOf(before)) return false
  const error = Math.sqrt(variance / now.length + varianceOf(before) / before.length)
  return error === 0 ? difference > 0 : normalSf(difference / error) <= 0.01
}

/** A loss as a person reads it. */
export const shortLoss = (value: number): string => String(Number(value.toPrecision(3)))
