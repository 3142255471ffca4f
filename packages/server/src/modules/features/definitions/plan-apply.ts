import { isDeepStrictEqual } from 'node:util'
import type {
  Aggregate,
  EntityManifest,
  FeatureChange,
  FeatureManifest,
  OnDemandManifest,
  ServiceManifest,
  ViewManifest,
} from '@trestle/contract'
import { fail } from '../../../platform/errors.ts'
import type { FeatureTables } from '../tables.ts'
import { isAggregated, storedColumns } from '../aggregate/plan.ts'
import { adviceOn } from '../discovery/advice.ts'
import { checkManifest } from './check-manifest.ts'
import type { DefinitionWrites } from './store.ts'
import {
  versionOf,
  type Definitions,
  type KeyColumn,
  type ResolvedProjection,
  type Storage,
  type ViewRecord,
} from './model.ts'

export type ApplyPlan = Readonly<{ changes: readonly FeatureChange[]; writes: DefinitionWrites }>

type Kind = FeatureTables['feature_definitions']['kind']

type Draft = {
  changes: Omit<FeatureChange, 'advice'>[]
  rows: FeatureTables['feature_definitions'][]
  storages: Map<number, Storage>
  nextStorageId: number
}

type Setting = Readonly<{ project: string; now: number; nextStorageId: number }>

/**
 * What a manifest changes. What it does not name stays. A change that readers would notice makes a new version and is named;
 * descriptions, owners, tags, added features and where a source lies change in place. Throws what is wrong with the manifest, by name.
 */
export function planApply(
  current: Definitions,
  manifest: FeatureManifest,
  setting: Setting
): ApplyPlan {
  checkManifest(current, manifest)
  const draft: Draft = {
    changes: [],
    rows: [],
    storages: new Map(),
    nextStorageId: setting.nextStorageId,
  }
  const put = (kind: Kind, spec: { name: string }, previous: Previous | null) =>
    draft.rows.push({
      project: setting.project,
      kind,
      name: spec.name,
      version: previous?.version ?? 1,
      spec: JSON.stringify(spec),
      created_at: previous?.createdAt ?? setting.now,
      updated_at: setting.now,
    })
  const planned = { current, manifest, draft, put, setting }
  for (const entity of manifest.entities) planEntity(planned, entity)
  for (const view of manifest.views) planView(planned, view)
  for (const view of manifest.onDemandViews) planOnDemand(planned, view)
  for (const service of manifest.services) planService(planned, service)
  const advice = adviceOn(current, manifest)
  return {
    changes: draft.changes.map((change) => ({
      ...change,
      advice: [...(advice.get(change.subject) ?? [])],
    })),
    writes: { rows: draft.rows, storages: [...draft.storages.values()] },
  }
}

type Previous = Readonly<{ version: number; createdAt: number | null }>
type Planned = Readonly<{
  current: Definitions
  manifest: FeatureManifest
  draft: Draft
  put: (kind: Kind, spec: { name: string }, previous: Previous | null) => void
  setting: Setting
}>

function planEntity({ current, draft, put }: Planned, entity: EntityManifest): void {
  const subject = `entity ${entity.name}`
  const before = current.entities.get(entity.name)
  if (before === undefined) {
    put('entity', entity, null)
    draft.changes.push({
      kind: 'create',
      subject,
      detail: keysText(entity.keys),
      breaking: [],
      version: null,
    })
    return
  }
  const changed = changedFields(before, entity)
  if (changed.length > 0) put('entity', entity, { version: 1, createdAt: before.createdAt })
  draft.changes.push({
    kind: changed.length > 0 ? 'update' : 'unchanged',
    subject,
    detail: changed.join(', '),
    breaking: isDeepStrictEqual(before.keys, entity.keys)
      ? []
      : [`keys: ${keysText(before.keys)} → ${keysText(entity.keys)}`],
    version: null,
  })
}

function planView(planned: Planned, view: ViewManifest): void {
  const { current, draft, put, setting } = planned
  const subject = `view ${view.name}`
  const keys = keysOf(planned, view)
  const before = current.views.get(view.name)?.at(-1)
  if (before === undefined) {
    const storage = freshStorage(draft, setting.project, { view, keys })
    const stateId = isAggregated(view) ? draft.nextStorageId++ : null
    put(
      'view',
      { ...view, keys, storageId: storage.id, stateId, breaking: [] } as ViewManifest,
      null
    )
    draft.changes.push({
      kind: 'create',
      subject,
      detail: `${view.features.length} features`,
      breaking: [],
      version: 1,
    })
    return
  }
  const breaking = breakingChanges(before, view, keys)
  const changed = changedFields(before, view)
  if (breaking.length === 0 && changed.length === 0) {
    draft.changes.push({
      kind: 'unchanged',
      subject,
      detail: '',
      breaking,
      version: before.version,
    })
    return
  }
  const old = current.storages.get(before.storageId)
  const kept = old === undefined ? null : extendStorage(old, view, keys)
  const storage = kept ?? freshStorage(draft, setting.project, { view, keys })
  draft.storages.set(storage.id, storage)
  const version = breaking.length > 0 ? before.version + 1 : before.version
  const stateId = !isAggregated(view)
    ? null
    : breaking.length > 0 || before.stateId === null
      ? draft.nextStorageId++
      : before.stateId
  put(
    'view',
    {
      ...view,
      keys,
      storageId: storage.id,
      stateId,
      breaking: breaking.length > 0 ? breaking : before.breaking,
    } as ViewManifest,
    {
      version,
      createdAt: breaking.length > 0 ? null : before.createdAt,
    }
  )
  draft.changes.push({
    kind: 'update',
    subject,
    detail:
      kept === null
        ? `${changed.join(', ')}; v${version} begins without rows: load its data again`
        : stateId === null || stateId === before.stateId
          ? changed.join(', ')
          : `${changed.join(', ')}; v${version} fills from the history when it is materialized`,
    breaking,
    version,
  })
}

function planOnDemand({ current, draft, put }: Planned, view: OnDemandManifest): void {
  const subject = `on-demand view ${view.name}`
  const before = current.onDemand.get(view.name)?.at(-1)
  const changed = before === undefined ? [] : changedFields(before, view)
  const breaking = changed.filter((field) =>
    ['inputs', 'request', 'features', 'transform'].includes(field)
  )
  const version = before === undefined ? 1 : before.version + (breaking.length > 0 ? 1 : 0)
  const kind = before === undefined ? 'create' : changed.length > 0 ? 'update' : 'unchanged'
  if (kind !== 'unchanged')
    put('on_demand', view, {
      version,
      createdAt: breaking.length > 0 ? null : (before?.createdAt ?? null),
    })
  draft.changes.push({ kind, subject, detail: changed.join(', '), breaking, version })
}

function planService(planned: Planned, service: ServiceManifest): void {
  const { current, draft, put } = planned
  const subject = `service ${service.name}`
  const resolved = { ...service, features: service.features.map((p) => pin(planned, p)) }
  const before = current.services.get(service.name)?.at(-1)
  const changed = before === undefined ? [] : changedFields(before, resolved)
  const isNewVersion = changed.includes('features')
  const version = before === undefined ? 1 : before.version + (isNewVersion ? 1 : 0)
  const kind = before === undefined ? 'create' : changed.length > 0 ? 'update' : 'unchanged'
  if (kind !== 'unchanged')
    put('service', resolved, {
      version,
      createdAt: isNewVersion ? null : (before?.createdAt ?? null),
    })
  draft.changes.push({
    kind,
    subject,
    detail:
      kind === 'unchanged'
        ? ''
        : resolved.features.map((p) => `${p.view}@v${p.version}`).join(', '),
    breaking: isNewVersion ? ['features'] : [],
    version,
  })
}

/** A service keeps the versions that were newest when it was applied: a new version of a view changes no model's input by itself. */
function pin(
  { current, draft }: Planned,
  p: ServiceManifest['features'][number]
): ResolvedProjection {
  if (p.version !== null) return { ...p, version: p.version }
  const planned = draft.rows.findLast(
    (row) => (row.kind === 'view' || row.kind === 'on_demand') && row.name === p.view
  )
  const version =
    planned?.version ??
    (versionOf(current.views.get(p.view), null) ?? versionOf(current.onDemand.get(p.view), null))
      ?.version
  if (version === undefined)
    throw fail('features.view_not_found', `There is no feature view "${p.view}"`)
  return { ...p, version }
}

function keysOf({ current, manifest }: Planned, view: ViewManifest): KeyColumn[] {
  return view.entities.flatMap((name) => {
    const entity = manifest.entities.find((e) => e.name === name) ?? current.entities.get(name)
    if (entity === undefined)
      throw fail(
        'features.entity_not_found',
        `View "${view.name}" is on entity "${name}", which is not declared`
      )
    return entity.keys
  })
}

function breakingChanges(
  before: ViewRecord,
  view: ViewManifest,
  keys: readonly KeyColumn[]
): string[] {
  const changes: string[] = []
  if (!isDeepStrictEqual(before.keys, keys))
    changes.push(`keys: ${keysText(before.keys)} → ${keysText(keys)}`)
  for (const { name, type } of before.features) {
    const now = view.features.find((f) => f.name === name)
    if (now === undefined) changes.push(`feature "${name}" is gone`)
    else if (now.type !== type) changes.push(`feature "${name}": ${type} → ${now.type}`)
  }
  for (const { name, aggregate } of view.features) {
    const then = before.features.find((f) => f.name === name)
    if (then === undefined && isAggregated(view)) changes.push(`window "${name}" is new`)
    else if (then !== undefined && !isDeepStrictEqual(then.aggregate, aggregate))
      changes.push(`window "${name}": ${windowText(then.aggregate)} → ${windowText(aggregate)}`)
  }
  for (const { name, default: missing } of before.features) {
    const now = view.features.find((f) => f.name === name)
    if (now !== undefined && now.default !== missing)
      changes.push(
        `default of "${name}": ${JSON.stringify(missing)} → ${JSON.stringify(now.default)}, so training data differs`
      )
  }
  if (before.ttlMs !== view.ttlMs)
    changes.push(`ttl: ${ttlText(before.ttlMs)} → ${ttlText(view.ttlMs)}, so training data differs`)
  return changes
}

function freshStorage(
  draft: Draft,
  project: string,
  { view, keys }: { view: ViewManifest; keys: readonly KeyColumn[] }
): Storage {
  const storage: Storage = {
    id: draft.nextStorageId++,
    project,
    view: view.name,
    keys,
    columns: storedColumns(view).map(({ name, type }) => ({ name, type })),
  }
  draft.storages.set(storage.id, storage)
  return storage
}

/** The same storage with the view's new columns at its end; null when keys or a type do not fit what is stored. */
function extendStorage(
  storage: Storage,
  view: ViewManifest,
  keys: readonly KeyColumn[]
): Storage | null {
  if (!isDeepStrictEqual(storage.keys, keys)) return null
  const columns = [...storage.columns]
  for (const { name, type } of storedColumns(view)) {
    const known = columns.find((c) => c.name.toLowerCase() === name.toLowerCase())
    if (known === undefined) columns.push({ name, type })
    else if (known.type !== type || known.name !== name) return null
  }
  return { ...storage, columns }
}

function changedFields(before: object, after: object): string[] {
  const old = new Map<string, unknown>(Object.entries(before))
  return Object.entries(after)
    .filter(([field, value]) => !isDeepStrictEqual(old.get(field), value))
    .map(([field]) => field)
}

const keysText = (keys: readonly KeyColumn[]): string =>
  keys.map((k) => `${k.name} ${k.type}`).join(', ') || 'none'
const windowText = (aggregate: Aggregate | null): string =>
  aggregate === null
    ? 'as it came'
    : `${aggregate.function}${aggregate.of === null ? '' : ` of ${aggregate.of}`} over ${aggregate.windowMs / 1000} s${aggregate.slideMs === null ? '' : ` by ${aggregate.slideMs / 1000} s`}`
const ttlText = (ms: number | null): string => (ms === null ? 'none' : `${ms / 1000} s`)
