import type { Aggregate, FeatureType } from '@trestle/contract'
import { milliseconds, type Duration } from './duration.ts'
import type { Field, Fields, Integer } from './field.ts'

type Function = Aggregate['function']

/** A feature over a window of a view's events. `F` is its function, `I` the input that it needs. */
export interface Windowed<F extends Function = Function, I extends string = string> {
  readonly aggregate: Aggregate
  readonly description: string
  /** The same with a description. */
  describe(text: string): Windowed<F, I>
  /** Only for inference; never there at run time. */
  readonly computes?: [F, I]
}

/** Without `slide` the last whole window, aligned to 1970 in UTC; with it, from about `window` ago up to now, its begin moving on by `slide`. */
export type Window = Readonly<{ window: Duration; slide?: Duration }>

const windowed = <F extends Function, I extends string>(
  aggregate: Aggregate,
  description = ''
): Windowed<F, I> => ({
  aggregate,
  description,
  describe: (text) => windowed(aggregate, text),
})

function over<F extends Function, I extends string>(
  name: F,
  of: I | null,
  { window, slide, percentile }: Window & { percentile?: number }
): Windowed<F, I> {
  return windowed({
    function: name,
    of,
    windowMs: milliseconds(window),
    slideMs: slide === undefined ? null : milliseconds(slide),
    percentile: percentile ?? null,
  })
}

/** Builders of windows: `agg.sum('amount', { window: '1h', slide: '1m' })`, `agg.count({ window: '1d' })`. Nulls of an input are left out. */
export const agg = {
  /** How many events; 0 when there are none. */
  count: (window: Window) => over<'count', never>('count', null, window),
  /** The exact sum, rounded once. */
  sum: <const I extends string>(of: I, window: Window) => over('sum', of, window),
  mean: <const I extends string>(of: I, window: Window) => over('mean', of, window),
  min: <const I extends string>(of: I, window: Window) => over('min', of, window),
  max: <const I extends string>(of: I, window: Window) => over('max', of, window),
  /** How many different values. */
  distinct: <const I extends string>(of: I, window: Window) => over('distinct', of, window),
  /** The value of the newest event. */
  last: <const I extends string>(of: I, window: Window) => over('last', of, window),
  /** By nearest rank, so it is one of the values: `agg.percentile('amount', 99, { window: '1d', slide: '1h' })`. */
  percentile: <const I extends string>(of: I, percentile: number, window: Window) =>
    over('percentile', of, { ...window, percentile }),
}

/** Windows over the inputs `I`: one that needs another input does not compile. */
export type Windows<I extends Fields> = Readonly<
  Record<string, Windowed<Function, keyof I & string>>
>

/** The features that windows give. */
export type WindowFields<I extends Fields, W extends Windows<I>> = {
  readonly [N in keyof W]: W[N] extends Windowed<infer F, infer Of>
    ? F extends 'count' | 'distinct'
      ? Field<Integer, 'int64'>
      : F extends 'mean'
        ? Field<number, 'float64'>
        : F extends 'sum'
          ? I[Of & keyof I] extends Field<infer _T, 'int32' | 'int64'>
            ? Field<Integer, 'int64'>
            : Field<number, 'float64'>
          : I[Of & keyof I]
    : never
}

/** The type that an aggregate gives of an input. */
export function windowType(aggregate: Aggregate, inputs: Fields): FeatureType {
  const input = inputs[aggregate.of ?? '']?.type ?? 'int64'
  switch (aggregate.function) {
    case 'count':
    case 'distinct':
      return 'int64'
    case 'mean':
      return 'float64'
    case 'sum':
      return input === 'int32' || input === 'int64' ? 'int64' : 'float64'
    case 'min':
    case 'max':
    case 'last':
    case 'percentile':
      return input
  }
}
