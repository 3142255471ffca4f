import { z } from 'zod'
import { epochMs, name } from './names.ts'
import { route } from './route.ts'

const tag = 'Features'
const count = z.int().nonnegative()
const number = z.number().nullable()

/** What the values of a feature look like, over the offline rows of its view. */
export const featureStatistics = z.object({
  name: z.string(),
  type: z.string(),
  rows: count,
  nulls: count,
  /** Approximately, within about 2 percent. */
  distinct: count,
  /** Of numbers; null for any other type. Quantiles are approximate. */
  min: number,
  max: number,
  mean: number,
  deviation: number,
  p5: number,
  median: number,
  p95: number,
  /** Twenty equal steps from the smallest to the largest number, or the ten most frequent values. */
  bins: z.array(z.object({ label: z.string(), rows: count })),
})
export type FeatureStatistics = z.infer<typeof featureStatistics>

const readers = z.object({
  /** The feature service that was read; null for features that were asked for one by one. */
  service: z.string().nullable(),
  /** Entity rows that were read since, and when the last was. */
  reads: count,
  lastReadAt: epochMs,
  features: z.array(z.object({ name: z.string(), reads: count })),
})
export type FeatureReaders = z.infer<typeof readers>

export const discoveryRoutes = {
  viewStatistics: route({
    method: 'GET',
    path: '/api/features/views/:name/statistics',
    role: 'viewer',
    tag,
    summary:
      'Counts, quantiles and distributions of the features of a view, over its rows for training',
    params: z.object({ name }),
    response: z.object({
      /** How many rows there are, and over how many of the newest these statistics go. */
      rows: count,
      sampled: count,
      computedAt: epochMs,
      features: z.array(featureStatistics),
    }),
    errors: ['features.view_not_found'],
  }),
  viewUsage: route({
    method: 'GET',
    path: '/api/features/views/:name/usage',
    role: 'viewer',
    tag,
    summary: 'Who read the features of a view online, and how often',
    params: z.object({ name }),
    query: z.object({
      /** Unset: the last 30 days. */
      since: z.coerce.number().int().optional(),
    }),
    response: z.object({ items: z.array(readers) }),
    errors: ['features.view_not_found'],
  }),
}
