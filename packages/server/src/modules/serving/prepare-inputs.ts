import type { Scalar } from '../../kernel/scalar.ts'
import { fail } from '../../platform/errors.ts'
import type { StoredEndpoint } from './endpoint.ts'
import type { FeatureReader, FeatureRows } from './feature-reader.ts'
import { isRecord, missingNames, stackRows, type Fill } from './named-inputs.ts'
import { tensorsFromRows } from './open-tensors.ts'
import type { ServedModel } from './served-model.ts'
import { elementAt, rowsOf, type Tensor } from './tensor.ts'

/** What a caller sent: tensors by the model's own names, or rows of named (or bare) values. */
export type Payload = Readonly<
  { kind: 'tensors'; tensors: readonly Tensor[] } | { kind: 'rows'; rows: readonly unknown[] }
>

/** What a model can run on, and where it came from. */
export type Prepared = Readonly<{
  tensors: readonly Tensor[]
  entities: Readonly<Record<string, Scalar>>
  featuresMs: number
  oldestFeatureAt: number | null
}>

type Context = Readonly<{
  features: FeatureReader | null
  served: ServedModel
  stored: StoredEndpoint
  at: number
}>

/** What the one input is called when a server does not say it: MLServer's runtimes ask for no name. */
const OPEN_INPUT = 'input-0'
const NOTHING: Fill = () => undefined
const NONE = { entities: {}, featuresMs: 0, oldestFeatureAt: null } as const

/** Turns a payload into the model's tensors, with feature values for the names that rows lack. A promise only when features are read. */
export function prepareInputs(context: Context, payload: Payload): Prepared | Promise<Prepared> {
  const { served } = context
  if (payload.kind === 'tensors') {
    if (served.spec.isOpen === true) return { tensors: payload.tensors, ...NONE }
    const names = new Set(payload.tensors.map((tensor) => tensor.name))
    if (served.spec.inputs.some((input) => names.has(input.name)))
      return { tensors: payload.tensors, ...NONE }
    const rows = rowsOfColumns(payload.tensors)
    return rows === null
      ? { tensors: payload.tensors, ...NONE }
      : prepareInputs(context, { kind: 'rows', rows })
  }
  const { rows } = payload
  if (rows.length === 0) throw fail('request.invalid', 'There are no rows to predict')
  if (served.spec.isOpen === true)
    return {
      tensors: tensorsFromRows(rows, OPEN_INPUT),
      ...NONE,
      entities: entitiesOf(served, rows),
    }
  const missing = served.service === null ? [] : missingNames(served.inputs, rows)
  if (missing.length > 0 && served.featureService !== null && context.features !== null)
    return withFeatures({ ...context, features: context.features }, rows, served.featureService)
  return {
    tensors: stackRows(served.inputs, rows, NOTHING),
    ...NONE,
    entities: entitiesOf(served, rows),
  }
}

async function withFeatures(
  context: Context & { features: FeatureReader },
  rows: readonly unknown[],
  service: string
): Promise<Prepared> {
  const { served, stored, at } = context
  const keys = served.service?.entities.map(({ key }) => key) ?? []
  const begun = performance.now()
  const entityRows = rows.map((row, i) => entityRow(row, i, keys))
  const found = await context.features.online({
    project: stored.project,
    service,
    rows: entityRows,
    at,
  })
  const featuresMs = performance.now() - begun
  const tensors = stackRows(served.inputs, rows, fillFrom(found))
  return {
    tensors,
    entities: entityRows[0] ?? {},
    featuresMs,
    oldestFeatureAt: oldest(found),
  }
}

/** Features by their name, or by the name behind their view's: `customer_stats__amount_7d` and `customer_stats:amount_7d` both feed `amount_7d`. */
function fillFrom(found: FeatureRows): Fill {
  const columns = new Map<string, number>()
  for (const [i, name] of found.names.entries()) {
    const short = /(?:__|:)([^:]+)$/.exec(name)?.[1]
    if (short !== undefined && !columns.has(short)) columns.set(short, i)
  }
  for (const [i, name] of found.names.entries()) columns.set(name, i)
  return (name, row) => {
    const column = columns.get(name)
    return column === undefined ? undefined : (found.values[row]?.[column] ?? null)
  }
}

function entityRow(row: unknown, i: number, keys: readonly string[]): Record<string, Scalar> {
  const entities: Record<string, Scalar> = {}
  for (const key of keys) {
    const value = isRecord(row) && Object.hasOwn(row, key) ? row[key] : undefined
    if (!isScalar(value))
      throw fail('request.invalid', `row ${i} needs the entity "${key}", a text or a number`, {
        details: { entity: key, row: i },
      })
    entities[key] = value
  }
  return entities
}

function entitiesOf(served: ServedModel, rows: readonly unknown[]): Record<string, Scalar> {
  const [first] = rows
  const entities: Record<string, Scalar> = {}
  if (served.service === null || !isRecord(first)) return entities
  for (const { key } of served.service.entities) {
    const value = Object.hasOwn(first, key) ? first[key] : undefined
    if (isScalar(value)) entities[key] = value
  }
  return entities
}

const isScalar = (value: unknown): value is Scalar =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  typeof value === 'boolean'

function oldest(found: FeatureRows): number | null {
  let least = Infinity
  for (const row of found.eventTimes)
    for (const time of row) if (time !== null && time < least) least = time
  return least === Infinity ? null : least
}

/** One-column tensors as rows by name, the way clients send data frames; null when they are no columns of one length. */
function rowsOfColumns(tensors: readonly Tensor[]): Record<string, Scalar>[] | null {
  const [first] = tensors
  if (first === undefined) return null
  const rows = rowsOf(first)
  if (tensors.some((tensor) => tensor.data.length !== rows || rowsOf(tensor) !== rows)) return null
  return Array.from({ length: rows }, (_, i) =>
    Object.fromEntries(tensors.map((tensor) => [tensor.name, elementAt(tensor, i)]))
  )
}
