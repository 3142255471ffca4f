import { windowType, type Windowed, type WindowFields, type Windows } from './aggregate.ts'
import {
  fieldOf,
  type Fields,
  type KeyFields,
  type NoFields,
  type StoredValuesOf,
  type ValuesOf,
} from './field.ts'
import type { Duration } from './duration.ts'
import type { Source } from './source.ts'

export type About = Readonly<{
  description?: string
  owner?: string
  tags?: Readonly<Record<string, string>>
  /** Of a feature view: what to use instead. */
  deprecated?: string
}>

export interface Entity<K extends KeyFields = KeyFields> {
  readonly kind: 'entity'
  readonly name: string
  readonly keys: K
  readonly about: About
}

/** Something that features are about, by its join keys: `defineEntity('driver', { driver_id: f.int64() })`. */
export function defineEntity<const K extends KeyFields>(
  name: string,
  keys: K,
  about: About = {}
): Entity<K> {
  return { kind: 'entity', name, keys, about }
}

/** What a service or an on-demand view takes in: a view, or the part of it that `pick` took. */
export interface ViewRef<K extends Fields = Fields, S extends Fields = Fields> {
  readonly kind: 'view' | 'on-demand'
  readonly name: string
  /** Everything that the declaration says, whatever was picked. */
  readonly declaration: ViewDeclaration | OnDemandDeclaration
  readonly picked: readonly string[]
  readonly alias: string | null
  readonly joinKeyMap: Readonly<Record<string, string>>
  /** Only for inference; never there at run time. */
  readonly keyed?: K
  readonly gives?: S
}

export interface View<K extends Fields = Fields, S extends Fields = Fields> extends ViewRef<K, S> {
  /** Only these features. */
  pick<const P extends readonly (keyof S & string)[]>(...names: P): View<K, Pick<S, P[number]>>
}

/** A view whose features are stored, as opposed to computed. */
export interface FeatureView<K extends Fields = Fields, S extends Fields = Fields> extends View<
  K,
  S
> {
  readonly kind: 'view'
  pick<const P extends readonly (keyof S & string)[]>(
    ...names: P
  ): FeatureView<K, Pick<S, P[number]>>
  /** The same view under another name, on other keys: features are then called `alias__feature`. */
  as<const A extends string, const M extends Readonly<Partial<Record<keyof K & string, string>>>>(
    alias: A,
    joinKeys: M
  ): View<Renamed<K, M>, Prefixed<S, A>>
}

type Renamed<K extends Fields, M> = {
  [N in keyof K as N extends keyof M ? (M[N] extends string ? M[N] : N) : N]: K[N]
}
type Prefixed<S extends Fields, A extends string> = {
  [N in keyof S & string as `${A}__${N}`]: S[N]
}

/** When a view is materialized by itself: `'15m'`, or `{ cron: '0 3 * * *', timeZone: 'Europe/Berlin' }`; without a zone in UTC. */
export type RefreshTimes = Duration | Readonly<{ cron: string; timeZone?: string }>

export type ViewDeclaration = Readonly<{
  kind: 'view'
  name: string
  entities: readonly Entity[]
  features: Fields
  /** What the events of windows carry; empty where there are no windows. */
  inputs: Fields
  windows: Readonly<Record<string, Windowed>> | null
  source: Source
  ttl: Duration | null
  refresh: RefreshTimes | null
  online: boolean
  about: About
}>

type KeysOf<E extends readonly Entity[]> = E extends readonly [
  Entity<infer K>,
  ...infer R extends readonly Entity[],
]
  ? K & KeysOf<R>
  : unknown

type KeyFieldsOf<E extends readonly Entity[]> = KeysOf<E> extends Fields ? KeysOf<E> : NoFields

/** Features that are stored per entity. A reader gets `null` where a value is missing or older than `ttl`. */
export function defineFeatureView<const E extends readonly Entity[], const S extends Fields>(
  definition: {
    name: string
    entities: E
    features: S
    source: Source
    /** How long a value is valid after its event time. Unset: for ever. */
    ttl?: Duration
    refresh?: RefreshTimes
    /** Whether values are kept for online reads. Unset: yes. */
    online?: boolean
  } & About
): FeatureView<KeyFieldsOf<E>, S> {
  const { name, entities, features, source, ttl, refresh, online, ...about } = definition
  return featureView({
    declaration: {
      kind: 'view',
      name,
      entities,
      features,
      inputs: {},
      windows: null,
      source,
      ttl: ttl ?? null,
      refresh: refresh ?? null,
      online: online ?? true,
      about,
    },
    picked: Object.keys(features),
  })
}

/**
 * Features over windows of events, computed as events come and, by the same tiles, in training sets:
 * `defineAggregateView({ …, inputs: { amount: f.float64() }, features: { spent_1h: agg.sum('amount', { window: '1h', slide: '1m' }) } })`.
 */
export function defineAggregateView<
  const E extends readonly Entity[],
  const I extends Fields,
  const W extends Windows<I>,
>(
  definition: {
    name: string
    entities: E
    /** What each event carries beside keys and `event_timestamp`. */
    inputs: I
    features: W
    source: Source
    refresh?: RefreshTimes
    online?: boolean
  } & About
): FeatureView<KeyFieldsOf<E>, WindowFields<I, W>> {
  const { name, entities, inputs, features, source, refresh, online, ...about } = definition
  return featureView({
    declaration: {
      kind: 'view',
      name,
      entities,
      features: Object.fromEntries(
        Object.entries<Windowed>(features).map(([feature, { aggregate, description }]) => [
          feature,
          fieldOf(windowType(aggregate, inputs), description),
        ])
      ),
      inputs,
      windows: features,
      source,
      ttl: null,
      refresh: refresh ?? null,
      online: online ?? true,
      about,
    },
    picked: Object.keys(features),
  })
}

function featureView<K extends Fields, S extends Fields>(made: {
  declaration: ViewDeclaration
  picked: readonly string[]
}): FeatureView<K, S> {
  return {
    kind: 'view',
    name: made.declaration.name,
    declaration: made.declaration,
    picked: made.picked,
    alias: null,
    joinKeyMap: {},
    pick: (...picked) => featureView({ ...made, picked }),
    as: (alias, joinKeys) =>
      aliased({ ...made, alias, joinKeyMap: joinKeys as Record<string, string> }), // a partial record has no undefined of its own
  }
}

function aliased<K extends Fields, S extends Fields>(made: {
  declaration: ViewDeclaration
  picked: readonly string[]
  alias: string
  joinKeyMap: Readonly<Record<string, string>>
}): View<K, S> {
  return {
    kind: 'view',
    name: made.declaration.name,
    declaration: made.declaration,
    picked: made.picked,
    alias: made.alias,
    joinKeyMap: made.joinKeyMap,
    pick: (...picked) =>
      aliased({ ...made, picked: picked.map((n) => n.slice(made.alias.length + 2)) }),
  }
}

export type Expressions<O extends Fields> = { readonly [N in keyof O]: string }

/** What a TypeScript transform is given: each view's features, any of them null, and the request's values. */
type TransformInput<V extends Readonly<Record<string, ViewRef>>, Q extends Fields> = {
  readonly [N in keyof V]: V[N] extends ViewRef<infer _K, infer S> ? StoredValuesOf<S> : never
} & { readonly request: ValuesOf<Q> }

export type OnDemandDeclaration = Readonly<{
  kind: 'on-demand'
  name: string
  views: Readonly<Record<string, ViewRef>>
  request: Fields
  output: Fields
  expressions: Readonly<Record<string, string>> | null
  // Its parameters are checked where it is declared.
  transform: ((input: never) => Readonly<Record<string, unknown>>) | null
  about: About
}>

type Intersection<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void
  ? I
  : never
type KeysOfViews<V> = Intersection<
  V[keyof V] extends infer One ? (One extends ViewRef<infer K, infer _S> ? K : never) : never
>
type OnDemandKeys<V, Q extends Fields> = (KeysOfViews<V> extends Fields
  ? KeysOfViews<V>
  : NoFields) &
  Q

/**
 * Features computed when they are read. With `expressions` (SQL scalar expressions over the views' features and the request) the server computes
 * them, online, in predictions and in training sets. With `transform`, one function in TypeScript, the server runs that, in all three too; it has the
 * function alone, so nothing from outside of it may be used but what JavaScript itself brings.
 */
export function defineOnDemandView<
  const V extends Readonly<Record<string, ViewRef>>,
  const O extends Fields,
  const Q extends Fields = NoFields,
>(
  definition: {
    name: string
    views: V
    request?: Q
    output: O
  } & About &
    (
      | { expressions: Expressions<O>; transform?: never }
      | { transform: (input: TransformInput<V, Q>) => StoredValuesOf<O>; expressions?: never }
    )
): View<OnDemandKeys<V, Q>, O> {
  const { name, views, request, output, expressions, transform, ...about } = definition
  const declaration: OnDemandDeclaration = {
    kind: 'on-demand',
    name,
    views,
    request: request ?? {},
    output,
    expressions: expressions ?? null,
    transform: transform ?? null,
    about,
  }
  return onDemand(declaration, Object.keys(output))
}

function onDemand<K extends Fields, S extends Fields>(
  declaration: OnDemandDeclaration,
  picked: readonly string[]
): View<K, S> {
  return {
    kind: 'on-demand',
    name: declaration.name,
    declaration,
    picked,
    alias: null,
    joinKeyMap: {},
    pick: (...names) => onDemand(declaration, names),
  }
}

type GivenBy<V extends readonly ViewRef[]> = V extends readonly [
  ViewRef<infer _K, infer S>,
  ...infer R extends readonly ViewRef[],
]
  ? S & GivenBy<R>
  : unknown
type NeededBy<V extends readonly ViewRef[]> = V extends readonly [
  ViewRef<infer K, infer _S>,
  ...infer R extends readonly ViewRef[],
]
  ? K & NeededBy<R>
  : unknown
type AsFields<T> = T extends Fields ? T : NoFields

/** What a model reads: features of several views under one name. */
export interface FeatureService<K extends Fields = Fields, S extends Fields = Fields> {
  readonly kind: 'service'
  readonly name: string
  readonly views: readonly ViewRef[]
  readonly about: About
  readonly keyed?: K
  readonly gives?: S
}

export function defineFeatureService<const V extends readonly [ViewRef, ...ViewRef[]]>(
  definition: { name: string; features: V } & About
): FeatureService<AsFields<NeededBy<V>>, AsFields<GivenBy<V>>> {
  const { name, features, ...about } = definition
  return { kind: 'service', name, views: features, about }
}
