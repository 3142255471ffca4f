import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { BatchSource, FeatureManifestInput, FeatureType, KeyType } from '@trestle/contract'
import { parse } from 'yaml'
import {
  decodeRegistry,
  type FeastEntity,
  type FeastRegistry,
  type FeastService,
  type FeastSource,
  type FeastView,
} from './registry.ts'

export type FeastImport = Readonly<{ manifest: FeatureManifestInput; notes: readonly string[] }>

/** Feast's numbers of the types that both have; a day, a duration or a list has no counterpart. */
const TYPES: Readonly<Record<number, FeatureType>> = {
  2: 'string',
  3: 'int32',
  4: 'int64',
  5: 'float64',
  6: 'float32',
  7: 'bool',
  8: 'timestamp',
}
const KEY_TYPES = new Set<FeatureType>(['string', 'int32', 'int64', 'bool'])
const KAFKA = 3
const PUSH = 9
const FILE = 1
const POSTGRES = 'PostgreSQLSource'
/** The entity of views without one. */
const DUMMY = '__dummy'

/** The declarations of a Feast repository that was applied, and what could not be carried over. */
export async function readFeastRepo(repo: string): Promise<FeastImport> {
  const config = parse(await readFile(resolve(repo, 'feature_store.yaml'), 'utf8')) as {
    project?: string
    registry?: string | { path?: string; registry_type?: string }
  } | null
  const registry = config?.registry
  const kind = typeof registry === 'object' ? (registry.registry_type ?? 'file') : 'file'
  const path = typeof registry === 'object' ? registry.path : registry
  if (kind !== 'file' || path === undefined || /^[a-z0-9]+:\/\//i.test(path))
    throw new Error(
      `The registry of ${repo} is ${kind === 'file' ? (path ?? 'not named') : `of type ${kind}`}; a local file can be read. feast registry-dump or a copy of it helps`
    )
  const bytes = await readFile(resolve(repo, path)).catch((cause: unknown) => {
    throw new Error(`${repo} has no registry at ${path}: run feast apply first`, { cause })
  })
  return translate(decodeRegistry(bytes), { repo, project: config?.project ?? null })
}

function translate(
  registry: FeastRegistry,
  { repo, project }: { repo: string; project: string | null }
): FeastImport {
  const notes: string[] = []
  const own = <T extends { project: string }>(items: readonly { spec: T }[]): T[] =>
    items.map((i) => i.spec).filter((s) => project === null || s.project === project)
  const views = own(registry.featureViews)
  const entities = own(registry.entities).filter((e) => e.name !== DUMMY)
  for (const [items, what] of [
    [
      registry.onDemandFeatureViews,
      'is computed in Python: write it as an expression or transform',
    ],
    [registry.streamFeatureViews, 'transforms a stream in Python: write its windows as aggregates'],
    [registry.labelViews, 'holds labels, which belong to endpoints here'],
  ] as const)
    for (const { name } of own(items)) notes.push(`View "${name}" ${what}.`)
  const made = new Map<string, ReadonlySet<string>>()
  const translated = views.flatMap((view) => {
    const one = viewOf(view, { repo, notes })
    if (one === null) return []
    made.set(view.name, new Set(one.features.map((f) => f.name)))
    return [one]
  })
  return {
    manifest: {
      entities: entities.map((e) => entityOf(e, { views, notes })),
      views: translated,
      services: own(registry.featureServices).flatMap((s) => serviceOf(s, { made, notes })),
    },
    notes,
  }
}

function entityOf(
  entity: FeastEntity,
  { views, notes }: { views: readonly FeastView[]; notes: string[] }
) {
  const { name, description, owner, tags } = entity
  const joinKey = entity.joinKey === '' ? name : entity.joinKey
  // Views say the type when the entity does not.
  const column = views.flatMap((v) => v.entityColumns).find((c) => c.name === joinKey)
  const type = TYPES[entity.valueType] ?? TYPES[column?.valueType ?? 0]
  if (type === undefined || !KEY_TYPES.has(type))
    notes.push(`Entity "${name}" has a key of a type that is none here; it is declared as string.`)
  const keyType = (type !== undefined && KEY_TYPES.has(type) ? type : 'string') as KeyType // by the set
  return { name, description, owner, tags, keys: [{ name: joinKey, type: keyType }] }
}

function viewOf(view: FeastView, { repo, notes }: { repo: string; notes: string[] }) {
  const features = view.features.flatMap(({ name, valueType, description }) => {
    const type = TYPES[valueType]
    if (type !== undefined) return [{ name, type, description }]
    notes.push(`Feature "${view.name}:${name}" is of a type that is none here; it is left out.`)
    return []
  })
  if (features.length === 0) {
    notes.push(`View "${view.name}" has no feature that can be kept; it is left out.`)
    return null
  }
  if (view.mode !== '')
    notes.push(
      `View "${view.name}" transforms its source in Python (${view.mode}); that is left out.`
    )
  const ttlMs = Math.round((view.ttl?.seconds ?? 0) * 1_000 + (view.ttl?.nanos ?? 0) / 1e6)
  const stream = view.streamSource
  const source = batchOf(stream?.batchSource ?? view.batchSource, { repo, view: view.name, notes })
  return {
    name: view.name,
    description: view.description,
    owner: view.owner,
    tags: view.tags,
    entities: view.entities.filter((e) => e !== DUMMY),
    features,
    ttlMs: ttlMs === 0 ? null : ttlMs,
    online: view.online,
    batch: source,
    pushSource: stream?.type === PUSH ? stream.name : null,
    stream:
      stream?.type === KAFKA
        ? {
            kind: 'kafka' as const,
            topic: stream.kafkaOptions?.topic ?? '',
            ...columnsOf(stream),
          }
        : null,
  }
}

function batchOf(
  source: FeastSource | null,
  { repo, view, notes }: { repo: string; view: string; notes: string[] }
): BatchSource | null {
  if (source === null) return null
  const { uri } = source.fileOptions ?? { uri: '' }
  if (source.type === FILE && /\.(parquet|pq)$|\*$|\/$/.test(uri))
    return {
      kind: 'parquet',
      path: /^[a-z0-9]+:\/\//i.test(uri) ? uri : resolve(repo, uri),
      ...columnsOf(source),
    }
  if (source.dataSourceClassType.endsWith(POSTGRES)) {
    const text = Buffer.from(source.customOptions?.configuration ?? []).toString()
    const { table, query } = JSON.parse(text) as { table?: string; query?: string } // as Feast wrote it
    notes.push(
      `View "${view}" reads PostgreSQL: give the server its address in TRESTLE_SOURCE_FEAST.`
    )
    const isQuery = query !== undefined && query !== ''
    return {
      kind: 'postgres',
      connection: 'feast',
      table: isQuery ? null : (table ?? null),
      query: isQuery ? query : null,
      ...columnsOf(source),
    }
  }
  notes.push(
    `View "${view}" reads ${uri === '' ? `a source of Feast's ${source.dataSourceClassType.split('.').at(-1) ?? ''}` : uri}, which can't be read here: push its rows, or name another source.`
  )
  return null
}

const columnsOf = (source: FeastSource) => ({
  eventTime: source.timestampField === '' ? 'event_timestamp' : source.timestampField,
  createdTime: source.createdTimestampColumn === '' ? null : source.createdTimestampColumn,
  columns: Object.fromEntries(
    Object.entries(source.fieldMapping).map(([column, name]) => [name, column])
  ),
})

function serviceOf(
  service: FeastService,
  { made, notes }: { made: ReadonlyMap<string, ReadonlySet<string>>; notes: string[] }
) {
  const { name, description, owner, tags } = service
  const features = service.features.flatMap((p) => {
    const known = made.get(p.featureViewName)
    const columns = p.featureColumns.flatMap((c) => (known?.has(c.name) === true ? [c.name] : []))
    if (columns.length < p.featureColumns.length)
      notes.push(`Service "${name}" goes without what is left out of "${p.featureViewName}".`)
    if (columns.length === 0) return []
    const alias = p.featureViewNameAlias === '' ? null : p.featureViewNameAlias
    return [{ view: p.featureViewName, features: columns, alias, joinKeyMap: p.joinKeyMap }]
  })
  if (features.length === 0) {
    notes.push(`Service "${name}" has nothing left; it is left out.`)
    return []
  }
  return [{ name, description, owner, tags, features }]
}
