import { z } from 'zod'
import { name } from './names.ts'

/** Names of keys and features: they become columns, so no dots and dashes. */
export const columnName = z
  .string()
  .min(1)
  .max(120)
  .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'use letters, digits and "_", and begin with a letter')

/** What a feature may be. `int64` beyond 2^53 travels in JSON as a string of digits, `timestamp` as epoch milliseconds or ISO 8601. */
export const featureType = z.enum([
  'float32',
  'float64',
  'int32',
  'int64',
  'string',
  'bool',
  'timestamp',
])
export type FeatureType = z.infer<typeof featureType>

export const keyType = z.enum(['int32', 'int64', 'string', 'bool'])
export type KeyType = z.infer<typeof keyType>

const described = {
  description: z.string().max(4000).default(''),
  owner: z.string().max(200).default(''),
  tags: z.record(z.string(), z.string()).default({}),
}

export const entityManifest = z.strictObject({
  name,
  /** The join keys: usually one. */
  keys: z
    .array(z.strictObject({ name: columnName, type: keyType }))
    .min(1)
    .max(8),
  ...described,
})
export type EntityManifest = z.infer<typeof entityManifest>

export const featureField = z.strictObject({
  name: columnName,
  type: featureType,
  description: z.string().max(4000).default(''),
})
export type FeatureField = z.infer<typeof featureField>

/**
 * A feature that is computed over a window of a view's events. Unless it slides, a window is tumbling: the last whole one, aligned to 1970 in UTC.
 * With `slideMs` it reaches up to the instant that is asked about, and its begin moves on by `slideMs`: from `floor(t / slide) * slide - window` to `t`,
 * both ends included.
 */
export const aggregate = z.strictObject({
  function: z.enum(['count', 'sum', 'mean', 'min', 'max', 'distinct', 'last', 'percentile']),
  /** The input that is aggregated; nulls of it are left out. Null, for `count` alone: events are counted. */
  of: columnName.nullable().default(null),
  windowMs: z.int().positive(),
  /** A whole part of the window. Null: tumbling. */
  slideMs: z.int().positive().nullable().default(null),
  /** For `percentile`: above 0, up to 100; nearest rank, so the answer is one of the values. */
  percentile: z.number().gt(0).max(100).nullable().default(null),
})
export type Aggregate = z.infer<typeof aggregate>

const viewFeature = featureField.extend({
  /** Null: the value is stored as it came. Of a view, all features are aggregated or none. */
  aggregate: aggregate.nullable().default(null),
  /** What readers get, online and in training sets, where there is no valid row. A null that was stored stays null. */
  default: z.union([z.number(), z.string(), z.boolean()]).nullable().default(null),
})
export type ViewFeature = z.infer<typeof viewFeature>

const sourceColumns = {
  /** The column with the instant that a row speaks of. */
  eventTime: z.string().min(1).max(200).default('event_timestamp'),
  /** The column with the instant that a row became known. Null: a row counts as known from its event time on. */
  createdTime: z.string().min(1).max(200).nullable().default(null),
  /** Feature or key name → column in the source, where they differ. */
  columns: z.record(z.string(), z.string()).default({}),
}
const relation = {
  /** `name` or `schema.name`. Give a table or a query. */
  table: z.string().min(1).max(400).nullable().default(null),
  query: z.string().min(1).max(20_000).nullable().default(null),
}
const hasOneRelation = (given: { table: string | null; query: string | null }): boolean =>
  (given.table === null) !== (given.query === null)
const oneRelation = { error: 'give either a table or a query' }

/** Files, or a table or query of a database, that the server reads. */
export const batchSource = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(['csv', 'parquet']),
    /** A path on the server or `s3://bucket/key`; `*` matches. */
    path: z.string().min(1).max(2000),
    ...sourceColumns,
  }),
  z
    .strictObject({
      kind: z.literal('duckdb'),
      /** A DuckDB database file on the server. */
      path: z.string().min(1).max(2000),
      ...relation,
      ...sourceColumns,
    })
    .refine(hasOneRelation, oneRelation),
  z
    .strictObject({
      kind: z.literal('postgres'),
      /** The server has its address in `TRESTLE_SOURCE_<NAME>`. */
      connection: name,
      ...relation,
      ...sourceColumns,
    })
    .refine(hasOneRelation, oneRelation),
])
export type BatchSource = z.infer<typeof batchSource>

/** What a view's rows come from, in words; null for a view that only takes pushes without a name. */
export function sourceName(
  view: Readonly<{
    batch: BatchSource | null
    stream: StreamSource | null
    pushSource: string | null
  }>
): string | null {
  const names = [
    ...(view.batch === null ? [] : [batchName(view.batch)]),
    ...(view.stream === null ? [] : [`Kafka topic ${view.stream.topic}`]),
    ...(view.pushSource === null ? [] : [`push ${view.pushSource}`]),
  ]
  return names.length === 0 ? null : names.join(', ')
}

export function batchName(source: BatchSource): string {
  switch (source.kind) {
    case 'csv':
    case 'parquet':
      return source.path
    case 'duckdb':
      return `${source.path}: ${source.table ?? 'a query'}`
    case 'postgres':
      return `PostgreSQL ${source.connection}: ${source.table ?? 'a query'}`
  }
}

/** A topic whose records are taken in as they come: JSON objects, one event each. Fields that the view does not know are passed over. */
export const streamSource = z.strictObject({
  kind: z.literal('kafka'),
  topic: z.string().min(1).max(249),
  ...sourceColumns,
  /** The field with the instant that an event speaks of. Null: the record's own timestamp. */
  eventTime: sourceColumns.eventTime.unwrap().nullable().default('event_timestamp'),
})
export type StreamSource = z.infer<typeof streamSource>

/** When a view's source is read by itself: every so often, or at the turns of a cron expression on the clocks of a place. */
export const refresh = z.union([
  z.strictObject({ everyMs: z.int().min(1_000) }),
  z.strictObject({
    cron: z.string().min(1).max(200),
    timeZone: z.string().min(1).max(100).default('UTC'),
  }),
])
export type Refresh = z.infer<typeof refresh>

export const viewManifest = z.strictObject({
  name,
  /** Names of entities; none for a view with one row for everything. */
  entities: z.array(name).max(8),
  features: z.array(viewFeature).min(1).max(2000),
  /** What the events of an aggregated view carry. */
  inputs: z.array(featureField).max(200).default([]),
  /** How long a value is valid after its event time, both ends included. Null: for ever. */
  ttlMs: z.int().positive().nullable().default(null),
  /** Whether values are kept for online reads. */
  online: z.boolean().default(true),
  batch: batchSource.nullable().default(null),
  stream: streamSource.nullable().default(null),
  /** When it is materialized by itself. Null: when somebody asks. */
  refresh: refresh.nullable().default(null),
  /** Name under which rows can be pushed to every view that carries it. */
  pushSource: name.nullable().default(null),
  /** What to use instead: the view works on, and whoever reads it is told. */
  deprecated: z.string().min(1).max(1000).nullable().default(null),
  ...described,
})
export type ViewManifest = z.infer<typeof viewManifest>

export const onDemandManifest = z.strictObject({
  name,
  /** The stored features that the expressions read: by name, or `view.feature` where two views share a name. */
  inputs: z
    .array(
      z.strictObject({
        view: name,
        features: z.array(columnName).min(1),
        /** What the transform calls it. Null: by the view's name. */
        as: columnName.nullable().default(null),
      })
    )
    .max(20),
  /** Values that come with the request. */
  request: z
    .array(z.strictObject({ name: columnName, type: featureType }))
    .max(200)
    .default([]),
  features: z
    .array(
      featureField.extend({
        /** A SQL scalar expression. Null: the transform gives it. */
        expression: z.string().min(1).max(10_000).nullable(),
      })
    )
    .min(1)
    .max(500),
  /** One function, in TypeScript or JavaScript, that gives the features without an expression: of `{ <view>: { <feature> … }, request: { … } }`, any feature of it null. */
  transform: z
    .strictObject({ source: z.string().min(1).max(100_000) })
    .nullable()
    .default(null),
  ...described,
})
export type OnDemandManifest = z.infer<typeof onDemandManifest>

export const projection = z.strictObject({
  view: name,
  /** Pins a version of the view. Null: the newest when the service is applied. */
  version: z.int().positive().nullable().default(null),
  features: z.array(columnName).min(1).max(2000),
  /** Features are then named `alias__feature`. */
  alias: columnName.nullable().default(null),
  /** The view's join key → the name that requests use for it. */
  joinKeyMap: z.record(z.string(), columnName).default({}),
})
export type Projection = z.infer<typeof projection>

export const serviceManifest = z.strictObject({
  name,
  features: z.array(projection).min(1).max(200),
  ...described,
})
export type ServiceManifest = z.infer<typeof serviceManifest>

/** Feature definitions as data: what `toManifest` of the SDK makes of declarations. */
export const featureManifest = z.strictObject({
  entities: z.array(entityManifest).max(1000).default([]),
  views: z.array(viewManifest).max(1000).default([]),
  onDemandViews: z.array(onDemandManifest).max(1000).default([]),
  services: z.array(serviceManifest).max(1000).default([]),
})
export type FeatureManifest = z.infer<typeof featureManifest>
export type FeatureManifestInput = z.input<typeof featureManifest>
