import type { FeatureStatus, FeatureType, WireScalar } from '@trestle/contract'
import type { TrestleClient } from '../client.ts'
import type { FeatureService } from './declare.ts'
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
 */
export async function readOnline<K extends Fields, S extends Fields>(
  client: TrestleClient,
  service: FeatureService<K, S>,
  rows: readonly ValuesOf<K>[]
): Promise<FeatureRow<S>[]> {
  const given = rows as readonly Given[]
  const answer = await client.features.online({
    service: service.name,
    rows: given.map(toWireRow),
  })
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
    return assemble<S>(service, cells)
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
  const given = request.rows as readonly Given[]
  const { rows } = await client.features.historical({
    service: service.name,
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
    return { ...row, ...assemble<S>(service, cells).values } as Omit<R, keyof S> & StoredValuesOf<S> // the row and the service's features
  })
}

/** Every feature of a service by its name, with its type. */
const readingsOf = (service: FeatureService): { name: string; type: FeatureType }[] =>
  service.views.flatMap((view) => {
    const { declaration, alias } = view
    const fields = declaration.kind === 'view' ? declaration.features : declaration.output
    return view.picked.map((name) => ({
      name: alias === null ? name : `${alias}__${name}`,
      type: fields[name]?.type ?? 'string',
    }))
  })

function assemble<S extends Fields>(
  service: FeatureService,
  cells: ReadonlyMap<string, Cell>
): FeatureRow<S> {
  const values: Record<string, unknown> = {}
  const statuses: Record<string, FeatureStatus> = {}
  const eventTimes: Record<string, Date | null> = {}
  for (const { name, type } of readingsOf(service)) {
    const cell = cells.get(name)
    values[name] = fromWire(cell?.value ?? null, type)
    statuses[name] = cell?.status ?? 'NOT_FOUND'
    eventTimes[name] = toDate(cell?.eventAt ?? null)
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
