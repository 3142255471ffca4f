import type { FeatureType, Projection } from '@trestle/contract'
import { fail } from '../../platform/errors.ts'
import type { Catalog } from './definitions/catalog.ts'
import {
  versionOf,
  type Column,
  type OnDemandRecord,
  type Storage,
  type ViewRecord,
} from './definitions/model.ts'
import { planAggregates, type AggregatePlan } from './aggregate/plan.ts'
import { compileExpression, type Compiled } from './on-demand/evaluate.ts'
import type { Transform } from './on-demand/transforms.ts'
import { parseExpression } from './on-demand/expression.ts'
import { parseValue, type Value } from './value.ts'

/** One lookup per entity row: a view's row by its keys, and which of its columns go into which slots. */
export type Read = Readonly<{
  view: ViewRecord
  storage: Storage
  keys: readonly Readonly<{ view: string; entity: string; type: FeatureType }>[]
  /** Position in the packed row → slot. */
  columns: readonly Readonly<{
    name: string
    type: FeatureType
    at: number
    slot: number
    /** The value where there is no valid row. */
    missing: Value
  }>[]
  ttlUs: number | null
  /** Types of the packed row. */
  types: readonly FeatureType[]
  /** Under which number the online store keeps the rows or states. */
  feed: number
  /** Of an aggregated view; `at` of a column is then its place among the plan's features. */
  plan: AggregatePlan | null
}>

export type Output = Readonly<
  | { kind: 'stored'; name: string; type: FeatureType; slot: number; view: string }
  | {
      kind: 'computed'
      name: string
      type: FeatureType
      run: Compiled
      inputs: readonly number[]
      view: string
    }
>

/** What a request asks for, worked out once: the reads, the values that come with the request, and the answers in request order. */
export type Selection = Readonly<{
  version: number
  keys: readonly Readonly<{ key: string; type: FeatureType; isRequestData: boolean }>[]
  reads: readonly Read[]
  /** Slots that are filled from the request. */
  request: readonly Readonly<{ name: string; type: FeatureType; slot: number }>[]
  slots: number
  /** By slot: the value where there is no valid row. */
  missing: readonly Value[]
  /** Run before any output is computed. */
  transforms: readonly Transform[]
  outputs: readonly Output[]
  service: string | null
}>

export type Wanted = Readonly<
  | { service: string; fullNames?: boolean }
  | { service?: undefined; features: readonly string[]; fullNames?: boolean }
>

/** Either a service or a list of references. Throws when it is neither or both. */
export function wantedOf(input: {
  service?: string
  features?: string[]
  fullNames: boolean
}): Wanted {
  const { service, features, fullNames } = input
  if (service !== undefined && features === undefined) return { service, fullNames }
  if (service === undefined && features !== undefined) return { features, fullNames }
  throw fail('request.invalid', 'Name either a "service" or "features"')
}

const REFERENCE = /^([^:@]+)(?:@(?:v(\d+)|latest))?:([^:@]+)$/i

/** Works out what a service or a list of references stands for. Throws when a view or feature does not exist, or two answers share a name. */
export function resolveSelection(catalog: Catalog, project: string, wanted: Wanted): Selection {
  const service = wanted.service === undefined ? null : catalog.service(project, wanted.service)
  const items: PartialProjection[] =
    service?.features.map((p) => ({ ...p })) ??
    fromReferences(wanted.service === undefined ? wanted.features : [])
  const builder = createBuilder(catalog, project)
  for (const item of items)
    builder.add(item, wanted.fullNames === true ? 'full' : service === null ? 'bare' : 'service')
  const { outputs, ...rest } = builder.done()
  const names = new Set<string>()
  for (const { name } of outputs) {
    if (names.has(name))
      throw fail(
        'request.invalid',
        `Two features are called "${name}". Ask for full names, or give one of the views an alias`,
        {
          details: { reason: 'name_collision', feature: name },
        }
      )
    names.add(name)
  }
  return { ...rest, outputs, version: service?.version ?? 0, service: service?.name ?? null }
}

type PartialProjection = Omit<Projection, 'joinKeyMap'> & {
  joinKeyMap: Readonly<Record<string, string>>
}

function fromReferences(references: readonly string[]): PartialProjection[] {
  return references.map((reference) => {
    const match = REFERENCE.exec(reference)
    if (match === null)
      throw fail(
        'request.invalid',
        `"${reference}" is no feature reference: write view:feature or view@v2:feature`
      )
    const [, view = '', version, feature = ''] = match
    return {
      view,
      version: version === undefined ? null : Number(version),
      features: [feature],
      alias: null,
      joinKeyMap: {},
    }
  })
}

function createBuilder(catalog: Catalog, project: string) {
  const reads: {
    view: ViewRecord
    storage: Storage
    keys: Read['keys']
    columns: Read['columns'][number][]
    ttlUs: number | null
    types: Read['types']
    feed: number
    plan: AggregatePlan | null
    id: string
  }[] = []
  const request: { name: string; type: FeatureType; slot: number }[] = []
  const outputs: Output[] = []
  let slots = 0

  const readOf = (item: PartialProjection): (typeof reads)[number] => {
    const view = catalog.view(project, item.view, item.version)
    const id = JSON.stringify([view.name, view.version, item.joinKeyMap])
    const known = reads.find((r) => r.id === id)
    if (known !== undefined) return known
    const fresh = {
      id,
      view,
      storage: catalog.storageOf(view),
      keys: view.keys.map((k) => ({
        view: k.name,
        entity: item.joinKeyMap[k.name] ?? k.name,
        type: k.type,
      })),
      columns: [],
      types: catalog.storageOf(view).columns.map((c) => c.type),
      ttlUs: view.ttlMs === null ? null : view.ttlMs * 1000,
      feed: view.stateId ?? view.storageId,
      plan:
        view.stateId === null
          ? null
          : planAggregates(view.features, catalog.storageOf(view).columns),
    }
    reads.push(fresh)
    return fresh
  }
  const slotOf = (item: PartialProjection, feature: string): Column & { slot: number } => {
    const read = readOf(item)
    const known = read.columns.find((c) => c.name === feature)
    if (known !== undefined) return known
    const declared = read.view.features.find((f) => f.name === feature)
    if (declared === undefined) throw notFound(feature, item.view)
    const at = (read.plan?.features ?? read.storage.columns).findIndex((c) => c.name === feature)
    const missing = parseValue(declared.type, declared.default) ?? null
    const column = { name: feature, type: declared.type, at, slot: slots++, missing }
    read.columns.push(column)
    return column
  }
  const requestSlot = (field: Column): number => {
    const known = request.find((r) => r.name === field.name)
    if (known !== undefined) return known.slot
    request.push({ name: field.name, type: field.type, slot: slots })
    return slots++
  }

  const addComputed = (
    view: OnDemandRecord,
    item: PartialProjection,
    nameOf: (feature: string) => string
  ): void => {
    const named = new Map<string, { index: number; type: FeatureType }>()
    for (const input of view.inputs) {
      for (const feature of input.features) {
        const { slot, type } = slotOf(
          {
            view: input.view,
            version: null,
            features: [],
            alias: null,
            joinKeyMap: item.joinKeyMap,
          },
          feature
        )
        named
          .set(feature, { index: slot, type })
          .set(`${input.view}.${feature}`, { index: slot, type })
      }
    }
    for (const field of view.request)
      named.set(field.name, { index: requestSlot(field), type: field.type })
    for (const feature of item.features) {
      const declared = view.features.find((f) => f.name === feature)
      if (declared === undefined) throw notFound(feature, view.name)
      if (declared.expression === null) {
        const { slot } = transformOf(view, item).outputs.find((o) => o.name === feature) ?? {}
        if (slot === undefined) throw notFound(feature, view.name)
        outputs.push({
          kind: 'computed',
          name: nameOf(feature),
          type: declared.type,
          run: (values) => values[slot] ?? null,
          inputs: [...named.values()].map(({ index }) => index),
          view: view.name,
        })
        continue
      }
      const parsed = parseExpression(declared.expression)
      const compiled =
        parsed.kind === 'ok' ? compileExpression(parsed.tree, named, declared.type) : parsed
      if (compiled.kind === 'error')
        throw fail(
          'request.invalid',
          `On-demand feature "${view.name}:${feature}" ${compiled.message}`
        )
      const inputs =
        parsed.kind === 'ok' ? parsed.names.flatMap((n) => named.get(n)?.index ?? []) : []
      outputs.push({
        kind: 'computed',
        name: nameOf(feature),
        type: declared.type,
        run: compiled.run,
        inputs,
        view: view.name,
      })
    }
  }

  const transforms = new Map<string, Transform>()
  const transformOf = (view: OnDemandRecord, item: PartialProjection): Transform => {
    const id = JSON.stringify([view.name, view.version, item.joinKeyMap])
    const known = transforms.get(id)
    if (known !== undefined) return known
    const made: Transform = {
      view: view.name,
      source: view.transform?.source ?? '',
      inputs: view.inputs.map((input) => ({
        as: input.as ?? input.view,
        fields: input.features.map((name) => {
          const from = { ...item, view: input.view, version: null, features: [], alias: null }
          const { slot, type } = slotOf(from, name)
          return { name, type, slot }
        }),
      })),
      request: view.request.map((field) => ({ ...field, slot: requestSlot(field) })),
      outputs: view.features
        .filter((f) => f.expression === null)
        .map(({ name, type }) => ({ name, type, slot: slots++ })),
    }
    transforms.set(id, made)
    return made
  }

  return {
    add(item: PartialProjection, naming: 'bare' | 'full' | 'service'): void {
      const nameOf = (feature: string): string =>
        naming === 'full' || (naming === 'service' && item.alias !== null)
          ? `${item.alias ?? item.view}__${feature}`
          : feature
      const computed = versionOf(catalog.of(project).onDemand.get(item.view), item.version)
      if (computed !== undefined) {
        addComputed(computed, item, nameOf)
        return
      }
      for (const feature of item.features) {
        const { type, slot } = slotOf(item, feature)
        outputs.push({ kind: 'stored', name: nameOf(feature), type, slot, view: item.view })
      }
    },
    done() {
      const missing = new Array<Value>(slots).fill(null)
      for (const { columns } of reads) for (const c of columns) missing[c.slot] = c.missing
      return {
        reads,
        request,
        outputs,
        slots,
        missing,
        transforms: [...transforms.values()],
        keys: keysOf(reads, request),
      }
    },
  }
}

function keysOf(
  reads: readonly Pick<Read, 'keys' | 'view'>[],
  request: Selection['request']
): Selection['keys'] {
  const keys = new Map<string, { key: string; type: FeatureType; isRequestData: boolean }>()
  for (const { key, type, isRequestData } of [
    ...reads.flatMap((r) =>
      r.keys.map((k) => ({ key: k.entity, type: k.type, isRequestData: false }))
    ),
    ...request.map((r) => ({ key: r.name, type: r.type, isRequestData: true })),
  ]) {
    const known = keys.get(key)
    if (known !== undefined && known.type !== type)
      throw fail(
        'request.invalid',
        `"${key}" is ${known.type} for one view and ${type} for another`
      )
    keys.set(key, known ?? { key, type, isRequestData })
  }
  return [...keys.values()]
}

const notFound = (feature: string, view: string) =>
  fail('features.feature_not_found', `View "${view}" has no feature "${feature}"`, {
    details: { view, feature },
  })
