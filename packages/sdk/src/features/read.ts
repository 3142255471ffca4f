import type { FeatureStatus, FeatureType, WireScalar } from '@trestle/contract'
import type { TrestleClient } from '../client.ts'
import type { FeatureService, OnDemandDeclaration, ViewRef } from './declare.ts'
import type { Fields, StoredValuesOf, ValuesOf } from './field.ts'

/** One entity's features: what they are, why one is missing, and since when they hold. */
export type FeatureRow<S extends Fields> = Readonly<{
  values: StoredValuesOf<S>
  statuses: { readonly [N in keyof S]: FeatureStatus }
  eventTimes: { readonly [N in keyof S]: Date | null }
}>

type Given = Readonly<Record<string, unknown>>
type Cell = Readonly<{ value: unknown; status: FeatureStatus; eventAt: number | null }>

/**
 * Reads a service's features for entities. Keys and request values are required by type; a feature that the service has not does not compile.
 * TypeScript transforms run here, on what the server answered.
 */
export async function readOnline<K extends Fields, S extends Fields>(
  client: TrestleClient,
  service: FeatureService<K, S>,
  rows: readonly ValuesOf<K>[]
): Promise<FeatureRow<S>[]> {
  const plan = planOf(service)
  const given = rows as readonly Given[]
  const answer = await client.features.online({ ...plan.selection, rows: given.map(toWireRow) })
  return given.map((row, i) => {
    const cells = new Map(
      answer.names.map((name, j): [string, Cell] => [
        name,
        {
          value: answer.values[i]?.[j] ?? null,
          status: answer.statuses[i]?.[j] ?? 'NOT_FOUND',
          eventAt: answer.eventTimes[i]?.[j] ?? null,
        },
      ])
    )
    return assemble<S>(plan, row, cells)
  })
}

/** Reads a service's features as they were at each row's `event_timestamp`; whatever else the rows hold is handed through. */
export async function readHistorical<
  K extends Fields,
  S extends Fields,
  R extends ValuesOf<K> & { event_timestamp: Date },
>(
  client: TrestleClient,
  service: FeatureService<K, S>,
  request: { rows: readonly R[]; mode?: 'as-known' | 'as-corrected' }
): Promise<(Omit<R, keyof S> & StoredValuesOf<S>)[]> {
  const plan = planOf(service)
  const given = request.rows as readonly Given[]
  const { rows } = await client.features.historical({
    ...plan.selection,
    rows: given.map(toWireRow),
    mode: request.mode ?? 'as-corrected',
  })
  return given.map((row, i) => {
    const cells = new Map(
      Object.entries(rows[i] ?? {}).map(([name, value]): [string, Cell] => [
        name,
        { value, status: value === null ? 'NULL_VALUE' : 'PRESENT', eventAt: null },
      ])
    )
    return { ...row, ...assemble<S>(plan, row, cells).values } as Omit<R, keyof S> &
      StoredValuesOf<S> // the row and the service's features
  })
}

type Reading = Readonly<{ as: string; from: string; type: FeatureType }>
type Plan = Readonly<{
  selection: { service: string } | { features: string[]; fullNames: true }
  plain: readonly Reading[]
  transforms: readonly { declaration: OnDemandDeclaration; picked: readonly string[] }[]
}>

/** The server reads a service by its name; where a transform is among its views, by reference, with the transform's inputs. */
function planOf(service: FeatureService): Plan {
  const isTransform = (view: ViewRef): boolean =>
    view.declaration.kind === 'on-demand' && view.declaration.transform !== null
  const plainViews = service.views.filter((view) => !isTransform(view))
  const transforms = service.views.flatMap((view) =>
    view.declaration.kind === 'on-demand' && isTransform(view)
      ? [{ declaration: view.declaration, picked: view.picked }]
      : []
  )
  if (transforms.length === 0) {
    const plain = plainViews.flatMap((view) =>
      readingsOf(view, (n) => (view.alias === null ? n : `${view.alias}__${n}`))
    )
    return { selection: { service: service.name }, plain, transforms }
  }
  const aliased = service.views.find((view) => view.alias !== null)
  if (aliased !== undefined)
    throw new Error(
      `Service "${service.name}" has an alias ("${aliased.alias ?? ''}") beside a TypeScript transform; write the transform as an expression`
    )
  const read = [...plainViews, ...transforms.flatMap((t) => Object.values(t.declaration.views))]
  const references = new Set(read.flatMap((view) => view.picked.map((n) => `${view.name}:${n}`)))
  return {
    selection: { features: [...references], fullNames: true },
    plain: plainViews.flatMap((view) => readingsOf(view, (n) => `${view.name}__${n}`)),
    transforms,
  }
}

function readingsOf(view: ViewRef, fullName: (name: string) => string): Reading[] {
  const fields =
    view.declaration.kind === 'view' ? view.declaration.features : view.declaration.output
  return view.picked.map((name) => ({
    as: view.alias === null ? name : `${view.alias}__${name}`,
    from: fullName(name),
    type: fields[name]?.type ?? 'string',
  }))
}

function assemble<S extends Fields>(
  plan: Plan,
  given: Given,
  cells: ReadonlyMap<string, Cell>
): FeatureRow<S> {
  const values: Record<string, unknown> = {}
  const statuses: Record<string, FeatureStatus> = {}
  const eventTimes: Record<string, Date | null> = {}
  for (const { as, from, type } of plan.plain) {
    const cell = cells.get(from)
    values[as] = fromWire(cell?.value ?? null, type)
    statuses[as] = cell?.status ?? 'NOT_FOUND'
    eventTimes[as] = toDate(cell?.eventAt ?? null)
  }
  for (const { declaration, picked } of plan.transforms) {
    const inputs = Object.entries(declaration.views).map(([name, view]): [string, Given] => [
      name,
      Object.fromEntries(
        readingsOf(view, (n) => `${view.name}__${n}`).map((r) => [
          r.as,
          fromWire(cells.get(r.from)?.value ?? null, r.type),
        ])
      ),
    ])
    const result = declaration.transform?.({
      ...Object.fromEntries(inputs),
      request: given,
    } as never) // the input that the declaration's type describes
    for (const name of picked) {
      const value = result?.[name] ?? null
      values[name] = value
      statuses[name] = value === null ? 'NULL_VALUE' : 'PRESENT'
      eventTimes[name] = null
    }
  }
  return { values, statuses, eventTimes } as FeatureRow<S> // every declared name was filled above
}

function toWireRow(row: Given): Record<string, WireScalar> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toWire(value)]))
}

function toWire(value: unknown): WireScalar {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (value === null || value === undefined) return null
  throw new TypeError(`A row holds a ${typeof value}, which no key or feature can be`)
}

function fromWire(value: unknown, type: FeatureType): unknown {
  if (value === null) return null
  if (type === 'timestamp') return new Date(Number(value))
  if (typeof value !== 'string' || type === 'string') return value
  return type === 'int64' ? BigInt(value) : Number(value)
}

const toDate = (ms: number | null): Date | null => (ms === null ? null : new Date(ms))
