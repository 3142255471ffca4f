import { z } from 'zod'
import {
  columnName,
  entityManifest,
  featureManifest,
  featureType,
  keyType,
  onDemandManifest,
  projection,
  serviceManifest,
  viewManifest,
} from './features-manifest.ts'
import { discoveryRoutes } from './features-discovery.ts'
import { consistencyRoutes } from './features-consistency.ts'
import { epochMs, name } from './names.ts'
import { route } from './route.ts'

const tag = 'Features'

/** A key or feature value in JSON. 64-bit integers beyond 2^53 are strings of digits; NaN and the infinities are strings. */
export const wireScalar = z.union([z.number(), z.string(), z.boolean(), z.null()])
export type WireScalar = z.infer<typeof wireScalar>
const wireRow = z.record(z.string(), wireScalar)

/** `TIMED_OUT`: the store did not answer within the deadline. Whatever the status is, the value is the declared default where there is no valid row. */
export const featureStatus = z.enum([
  'PRESENT',
  'NULL_VALUE',
  'NOT_FOUND',
  'OUTSIDE_MAX_AGE',
  'TIMED_OUT',
])
export type FeatureStatus = z.infer<typeof featureStatus>

const change = z.object({
  kind: z.enum(['create', 'update', 'unchanged']),
  /** `entity driver`, `view driver_stats`, `service activity`. */
  subject: z.string(),
  detail: z.string(),
  /** What readers of the version before would notice; each makes this a new version. */
  breaking: z.array(z.string()),
  version: z.int().nullable(),
  /** What its author may want to know: features that look like ones that are there, deprecated views that it reads. */
  advice: z.array(z.string()).default([]),
})
export type FeatureChange = z.infer<typeof change>

const stamps = { createdAt: epochMs, updatedAt: epochMs }

const entity = entityManifest.extend(stamps)
export type FeatureEntity = z.infer<typeof entity>

const viewVersion = viewManifest.extend({
  version: z.int(),
  keys: z.array(z.object({ name: columnName, type: keyType })),
  createdAt: epochMs,
})
export type FeatureViewVersion = z.infer<typeof viewVersion>

export const streamState = z.object({
  /** `off`: the server knows no broker. `waiting`: to be tried again after a failure. */
  state: z.enum(['off', 'starting', 'running', 'waiting']),
  error: z.string().nullable(),
  /** Records that did not fit the view, and where the last of them lies and what is wrong with it. */
  rejected: z.int(),
  lastRejected: z.string().nullable(),
})
export type StreamState = z.infer<typeof streamState>

export const refreshState = z.object({
  lastStartedAt: epochMs.nullable(),
  /** Null: it is under way. */
  lastEndedAt: epochMs.nullable(),
  /** Why the last run failed. */
  error: z.string().nullable(),
  nextAt: epochMs.nullable(),
})
export type RefreshState = z.infer<typeof refreshState>

const view = viewVersion.extend({
  updatedAt: epochMs,
  versions: z.array(
    z.object({ version: z.int(), createdAt: epochMs, breaking: z.array(z.string()) })
  ),
  /** Rows in the offline store, and entities in the online store. */
  offlineRows: z.int(),
  onlineRows: z.int(),
  /** The newest event time that is stored. */
  newestEventAt: epochMs.nullable(),
  lastIngestedAt: epochMs.nullable(),
  lastMaterializedAt: epochMs.nullable(),
  /** How its topic is read; null where it has none. */
  streamState: streamState.nullable(),
  /** Its scheduled materialization; null where it has no schedule. */
  refreshState: refreshState.nullable(),
})
export type FeatureView = z.infer<typeof view>

const onDemandView = onDemandManifest.extend({ version: z.int(), ...stamps })
export type OnDemandView = z.infer<typeof onDemandView>

const service = serviceManifest.extend({
  version: z.int(),
  features: z.array(projection.extend({ version: z.int() })),
  keys: z.array(z.object({ key: z.string(), type: featureType })),
  names: z.array(z.object({ name: z.string(), type: featureType })),
  ...stamps,
})
export type FeatureService = z.infer<typeof service>

/** What to read: a service (its newest version, or `name@v2`), or references like `driver_stats:trips` and `driver_stats@v2:trips`. Give one of the two. */
const selection = {
  service: z
    .string()
    .min(1)
    .max(130)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(@v[1-9][0-9]*)?$/, 'write a service as name or name@v2')
    .exactOptional(),
  features: z.array(z.string().min(1).max(300)).min(1).max(5000).exactOptional(),
  /** Names every feature `view__feature`. */
  fullNames: z.boolean().default(false),
}

export const trainingSet = z.object({
  name,
  /** SHA-256 of the Parquet file: the name of the content. */
  digest: z.string(),
  size: z.int(),
  rows: z.int(),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  mode: z.enum(['as-known', 'as-corrected']),
  service: z.string().nullable(),
  /** The view versions that it was joined from, as `view@v2`. */
  views: z.array(z.string()),
  createdAt: epochMs,
})
export type TrainingSet = z.infer<typeof trainingSet>

export const features = {
  ...consistencyRoutes,
  ...discoveryRoutes,
  apply: route({
    method: 'POST',
    path: '/api/features/apply',
    role: 'operator',
    tag,
    summary: 'Make the definitions what the manifest says; with dryRun only say what would change',
    body: z.strictObject({ manifest: featureManifest, dryRun: z.boolean().default(false) }),
    response: z.object({ changes: z.array(change) }),
    errors: ['request.invalid', 'features.view_not_found', 'features.feature_not_found'],
  }),
  listEntities: route({
    method: 'GET',
    path: '/api/features/entities',
    role: 'viewer',
    tag,
    summary: 'List entities',
    response: z.object({ items: z.array(entity) }),
  }),
  getEntity: route({
    method: 'GET',
    path: '/api/features/entities/:name',
    role: 'viewer',
    tag,
    summary: 'One entity and the views on it',
    params: z.object({ name }),
    response: entity.extend({ views: z.array(z.string()) }),
    errors: ['features.entity_not_found'],
  }),
  listViews: route({
    method: 'GET',
    path: '/api/features/views',
    role: 'viewer',
    tag,
    summary: 'List feature views with row counts and freshness',
    response: z.object({ items: z.array(view), onDemand: z.array(onDemandView) }),
  }),
  getView: route({
    method: 'GET',
    path: '/api/features/views/:name',
    role: 'viewer',
    tag,
    summary: 'One feature view, its versions and who reads it',
    params: z.object({ name }),
    query: z.object({ version: z.coerce.number().int().positive().optional() }),
    response: view.extend({ services: z.array(z.string()) }),
    errors: ['features.view_not_found'],
  }),
  listServices: route({
    method: 'GET',
    path: '/api/features/services',
    role: 'viewer',
    tag,
    summary: 'List feature services',
    response: z.object({ items: z.array(service) }),
  }),
  getService: route({
    method: 'GET',
    path: '/api/features/services/:name',
    role: 'viewer',
    tag,
    summary: 'One feature service: the keys it asks for and the features it answers',
    params: z.object({ name }),
    response: service,
    errors: ['features.service_not_found'],
  }),
  search: route({
    method: 'GET',
    path: '/api/features/search',
    role: 'viewer',
    tag,
    summary: 'Search the catalogue by name, description, owner or tag',
    query: z.object({ q: z.string().max(200).default('') }),
    response: z.object({
      items: z.array(
        z.object({
          kind: z.enum(['entity', 'view', 'on-demand view', 'feature', 'service']),
          name: z.string(),
          view: z.string().nullable(),
          type: featureType.nullable(),
          description: z.string(),
          owner: z.string(),
          tags: z.record(z.string(), z.string()),
          deprecated: z.string().nullable(),
        })
      ),
    }),
  }),
  push: route({
    method: 'POST',
    path: '/api/features/push',
    role: 'operator',
    isDataTraffic: true,
    tag,
    summary: 'Store rows; they are on disk when this answers',
    body: z.strictObject({
      view: name.exactOptional(),
      pushSource: name.exactOptional(),
      to: z.enum(['online', 'offline', 'both']).default('both'),
      /** Keys, features, `event_timestamp`, and `created` if the row was known at another time than now. */
      rows: z.array(wireRow).min(1).max(100_000),
    }),
    response: z.object({
      views: z.array(z.object({ view: z.string(), version: z.int(), rows: z.int() })),
    }),
    errors: ['request.invalid', 'features.view_not_found', 'features.push_source_not_found'],
  }),
  materialize: route({
    method: 'POST',
    path: '/api/features/materialize',
    role: 'operator',
    tag,
    summary: 'Read new source files and bring the online store up to date',
    body: z.strictObject({
      /** Null: every view that is kept online. */
      view: name.nullable().default(null),
      /** `incremental`: what has arrived since the last time. `full`: everything with an event time from `from` to `to`. */
      mode: z.enum(['incremental', 'full']).default('incremental'),
      from: epochMs.nullable().default(null),
      to: epochMs.nullable().default(null),
    }),
    response: z.object({
      views: z.array(
        z.object({
          view: z.string(),
          version: z.int(),
          importedRows: z.int(),
          skippedRows: z.int(),
          materializedRows: z.int(),
          durationMs: z.number(),
        })
      ),
    }),
    errors: ['features.view_not_found', 'features.source_failed', 'resource.conflict'],
  }),
  materializations: route({
    method: 'GET',
    path: '/api/features/materializations',
    role: 'viewer',
    tag,
    summary: 'Materializations under way and how far they are',
    response: z.object({
      items: z.array(
        z.object({
          view: z.string(),
          startedAt: epochMs,
          rows: z.int(),
          segmentsDone: z.int(),
          segments: z.int(),
        })
      ),
    }),
  }),
  online: route({
    method: 'POST',
    path: '/api/features/online',
    role: 'viewer',
    tag,
    summary: 'The newest values of features for entities',
    body: z.strictObject({
      ...selection,
      rows: z.array(wireRow).min(1).max(10_000),
      /** How long to wait for the online store: views that did not come by then are answered with their defaults, as `TIMED_OUT`. */
      deadlineMs: z.int().positive().max(60_000).exactOptional(),
    }),
    response: z.object({
      /** The instant of the read, epoch milliseconds: an as-known join at it gives these values again. */
      at: z.number(),
      names: z.array(z.string()),
      values: z.array(z.array(wireScalar)),
      statuses: z.array(z.array(featureStatus)),
      eventTimes: z.array(z.array(epochMs.nullable())),
    }),
    errors: ['features.service_not_found', 'features.view_not_found', 'features.feature_not_found'],
  }),
  historical: route({
    method: 'POST',
    path: '/api/features/historical',
    role: 'viewer',
    tag,
    summary: 'The values of features as they were at given instants, for training',
    body: z.strictObject({
      ...selection,
      /** Entity rows: keys, `event_timestamp`, and anything else, which is handed through. */
      rows: z.array(wireRow).min(1).max(1_000_000),
      mode: z.enum(['as-known', 'as-corrected']).default('as-corrected'),
    }),
    response: z.object({ columns: z.array(z.string()), rows: z.array(wireRow) }),
    errors: ['features.service_not_found', 'features.view_not_found', 'features.feature_not_found'],
  }),
  createTrainingSet: route({
    method: 'POST',
    path: '/api/features/training-sets',
    role: 'operator',
    tag,
    summary: 'Join a training set and keep it as a Parquet file named by its content',
    status: 201,
    body: z.strictObject({
      name,
      ...selection,
      rows: z.array(wireRow).min(1).max(1_000_000).exactOptional(),
      /** Entity rows from a file that the server reads, instead of `rows`. */
      file: z
        .strictObject({ kind: z.enum(['csv', 'parquet']), path: z.string().min(1).max(2000) })
        .exactOptional(),
      mode: z.enum(['as-known', 'as-corrected']).default('as-corrected'),
    }),
    response: trainingSet,
    errors: [
      'features.service_not_found',
      'features.view_not_found',
      'features.feature_not_found',
      'features.source_failed',
    ],
  }),
  listTrainingSets: route({
    method: 'GET',
    path: '/api/features/training-sets',
    role: 'viewer',
    tag,
    summary: 'Training sets, newest first',
    response: z.object({ items: z.array(trainingSet) }),
  }),
}
