import type { Aggregate, FeatureType } from '@trestle/contract'
import type { Column } from '../definitions/model.ts'

/** What tiles keep of an input. */
export type Needs = Readonly<{ sum: boolean; ends: boolean; last: boolean; values: boolean }>

export type AggregatedFeature = Readonly<{
  name: string
  type: FeatureType
  function: Aggregate['function']
  /** Index among the plan's inputs; -1: events are counted. */
  input: number
  windowUs: number
  /** Null: tumbling. */
  slideUs: number | null
  percentile: number
}>

/**
 * How a view's windows are computed, the same way online and offline: events fall into tiles of `tileUs`, each tile keeps what the features need
 * of it, and a feature merges the tiles of its window. Every begin and end of a window but the last instant lies on a tile's edge.
 */
export type AggregatePlan = Readonly<{
  tileUs: number
  /** Tiles that begin so long before now are in no window any more. */
  keepUs: number
  /** `at`: position among the stored columns. */
  inputs: readonly Readonly<{ name: string; type: FeatureType; at: number; needs: Needs }>[]
  features: readonly AggregatedFeature[]
}>

type Declared = Readonly<{ name: string; type: FeatureType; aggregate: Aggregate | null }>

/** Whether a view's features are computed over windows of its events. */
export const isAggregated = (view: {
  readonly features: readonly Pick<Declared, 'aggregate'>[]
}): boolean => view.features.some((f) => f.aggregate !== null)

/** The columns that a view's rows have: the inputs of an aggregated view, the features of any other. */
export const storedColumns = (view: {
  readonly features: readonly Declared[]
  readonly inputs: readonly Column[]
}): readonly Column[] => (isAggregated(view) ? view.inputs : view.features)

/** The plan of an aggregated view whose rows have these columns. */
export function planAggregates(
  features: readonly Declared[],
  columns: readonly Column[]
): AggregatePlan {
  const inputs: { name: string; type: FeatureType; at: number; needs: Needs }[] = []
  const planned = features.flatMap(({ name, type, aggregate }): AggregatedFeature[] => {
    if (aggregate === null) return []
    return [
      {
        name,
        type,
        function: aggregate.function,
        input: aggregate.of === null ? -1 : inputIndex(inputs, columns, aggregate),
        windowUs: aggregate.windowMs * 1000,
        slideUs: aggregate.slideMs === null ? null : aggregate.slideMs * 1000,
        percentile: aggregate.percentile ?? 50,
      },
    ]
  })
  return {
    tileUs: planned.map((f) => f.slideUs ?? f.windowUs).reduce(greatestCommonDivisor, 0),
    keepUs: Math.max(...planned.map((f) => f.windowUs + (f.slideUs ?? f.windowUs))),
    inputs,
    features: planned,
  }
}

function inputIndex(
  inputs: { name: string; type: FeatureType; at: number; needs: Needs }[],
  columns: readonly Column[],
  aggregate: Aggregate
): number {
  const at = columns.findIndex((c) => c.name === aggregate.of)
  const column = columns[at]
  if (column === undefined) throw new Error(`There is no input ${aggregate.of ?? ''}`)
  const f = aggregate.function
  const needs: Needs = {
    sum: f === 'sum' || f === 'mean',
    ends: f === 'min' || f === 'max',
    last: f === 'last',
    values: f === 'distinct' || f === 'percentile',
  }
  const known = inputs.findIndex((i) => i.at === at)
  const before = inputs[known]
  if (before === undefined) {
    inputs.push({ ...column, at, needs })
    return inputs.length - 1
  }
  inputs[known] = {
    ...before,
    needs: {
      sum: before.needs.sum || needs.sum,
      ends: before.needs.ends || needs.ends,
      last: before.needs.last || needs.last,
      values: before.needs.values || needs.values,
    },
  }
  return known
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b)

/** The type that an aggregate gives of an input; null when it can't be computed of it. */
export function aggregateType(aggregate: Aggregate, input: FeatureType | null): FeatureType | null {
  const isNumber = input !== null && input !== 'string' && input !== 'bool' && input !== 'timestamp'
  switch (aggregate.function) {
    case 'count':
      return 'int64'
    case 'distinct':
      return input === null ? null : 'int64'
    case 'sum':
      return isNumber ? (input.startsWith('int') ? 'int64' : 'float64') : null
    case 'mean':
      return isNumber ? 'float64' : null
    case 'min':
    case 'max':
    case 'percentile':
      return isNumber || input === 'timestamp' ? input : null
    case 'last':
      return input
  }
}
