/**
 * The one convention for data that admits no answer: nothing here throws on data and nothing returns a
 * number that means "no number". A caller must look at `kind` before it can read a statistic.
 */
export type Undefined = { readonly kind: 'undefined'; readonly because: UndefinedReason }

export type UndefinedReason =
  | 'empty-sample'
  | 'too-few-values'
  | 'no-variation'
  | 'infinite-value'
  | 'single-category'
  | 'zero-expected'
  | 'invalid-count'
  | 'length-mismatch'

export type Outcome<T> = ({ readonly kind: 'ok' } & Readonly<T>) | Undefined

export type TestOutcome = Outcome<{ statistic: number; pValue: number }>

export type Measure = Outcome<{ value: number }>

export type Alternative = 'two-sided' | 'less' | 'greater'

export function undefinedBecause(because: UndefinedReason): Undefined {
  return { kind: 'undefined', because }
}

/** Options are written by programmers, so an impossible one is a mistake to stop at, unlike data. */
export function requireOption(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(message)
}
