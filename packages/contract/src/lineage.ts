import { z } from 'zod'
import { epochMs } from './names.ts'
import { modelVersion } from './registry.ts'
import { route } from './route.ts'

/**
 * What a node of the lineage graph is. Its id, by kind: the commit's hash · the run's id · `name@digest` · the name (`feature-view`, `feature-service`, `endpoint`, `monitor`) ·
 * `model/version`.
 */
export const lineageKind = z.enum([
  'commit',
  'run',
  'dataset',
  'feature-view',
  'feature-service',
  'model-version',
  'endpoint',
  'monitor',
])
export type LineageKind = z.infer<typeof lineageKind>

const node = z.object({
  kind: lineageKind,
  id: z.string(),
  label: z.string(),
  /** When it was made; null where that is not known. */
  at: epochMs.nullable(),
  /** How it fares, in a word of its own kind: a run's status, a version's stage, a monitor's state. */
  state: z.string().nullable(),
  /** A few facts worth a line each. */
  facts: z.record(z.string(), z.string()),
})
export type LineageNode = z.infer<typeof node>

const end = z.object({ kind: lineageKind, id: z.string() })

/** `to` came from `from`. */
const edge = z.object({ from: end, to: end, label: z.string() })
export type LineageEdge = z.infer<typeof edge>

const lineageGraph = z.object({
  root: end,
  nodes: z.array(node),
  edges: z.array(edge),
  /** There is more than `limit` nodes: the farthest were left out. */
  isTruncated: z.boolean(),
})
export type LineageGraph = z.infer<typeof lineageGraph>

const tag = 'Lineage'
const byVersion = z.object({ name: z.string(), version: z.coerce.number().int().positive() })

const side = z.object({
  version: modelVersion,
  /** Bytes of all its files. */
  sizeBytes: z.number(),
})

const numberRow = z.object({
  name: z.string(),
  left: z.number().nullable(),
  right: z.number().nullable(),
  /** `right - left`; null when either is missing. */
  delta: z.number().nullable(),
})
const textRow = z.object({
  name: z.string(),
  left: z.string().nullable(),
  right: z.string().nullable(),
  isSame: z.boolean(),
})

/** Microseconds of one run of the model on one row. */
const latency = z.object({
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  mean: z.number(),
  runs: z.int(),
  /** Whether the version's own input example was run, or made-up values of the graph's shapes. */
  input: z.enum(['input example', 'made up']),
})
export type ModelLatency = z.infer<typeof latency>

const comparison = z.object({
  left: side,
  right: side,
  metrics: z.array(numberRow),
  params: z.array(textRow),
  signature: z.object({
    rows: z.array(
      z.object({
        side: z.enum(['inputs', 'outputs']),
        name: z.string(),
        left: z.string().nullable(),
        right: z.string().nullable(),
        change: z.enum(['same', 'added', 'removed', 'changed']),
      })
    ),
    /** Whether a caller of the left may be answered by the right: nothing that it sends is refused, nothing that it reads is gone. Null without both signatures. */
    isCompatible: z.boolean().nullable(),
  }),
  facts: z.array(textRow),
  latency: z.object({
    left: latency.nullable(),
    right: latency.nullable(),
    /** Why there is none, or what it was measured on. */
    note: z.string(),
  }),
})
export type VersionComparison = z.infer<typeof comparison>

export const lineage = {
  getLineage: route({
    method: 'GET',
    path: '/api/lineage/:kind/:id',
    role: 'viewer',
    tag,
    summary: 'What something was made from and what was made from it, as a graph',
    params: z.object({ kind: lineageKind, id: z.string().min(1).max(600) }),
    query: z.object({
      direction: z.enum(['both', 'upstream', 'downstream']).default('both'),
      /** Steps from the node. */
      depth: z.coerce.number().int().min(1).max(20).default(10),
      /** Nodes at most. */
      limit: z.coerce.number().int().min(2).max(1000).default(200),
    }),
    response: lineageGraph,
    errors: ['resource.not_found'],
  }),
  getCard: route({
    method: 'GET',
    path: '/api/models/:name/versions/:version/card',
    role: 'viewer',
    tag,
    summary: 'The model card of a version, made from what is known of it',
    params: byVersion,
    response: z.object({ markdown: z.string(), html: z.string() }),
    errors: ['registry.model_not_found', 'registry.version_not_found'],
  }),
  compareVersions: route({
    method: 'GET',
    path: '/api/compare/versions',
    role: 'viewer',
    tag,
    summary:
      'Compare two model versions: metrics, params, signature, size, latency on this machine',
    query: z.object({
      /** `fraud/1`, `fraud@champion`, `fraud/Production`, `fraud/latest`. */
      left: z.string().min(1),
      right: z.string().min(1),
      /** Loads both models and times them, which takes some seconds. */
      latency: z.union([z.boolean(), z.stringbool()]).default(false),
    }),
    response: comparison,
    errors: ['registry.model_not_found', 'registry.version_not_found'],
  }),
}
