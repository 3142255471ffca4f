import { createHash } from 'node:crypto'
import { z } from 'zod'

const object = z.record(z.string(), z.unknown())

/** One example: what goes in, what came out, what should. As the client sends it. */
export const givenRecord = z.object({
  inputs: object.default({}),
  outputs: z.unknown().optional(),
  expectations: object.nullish(),
  tags: object.nullish(),
  source: z
    .object({ source_type: z.string().optional(), source_data: object.nullish() })
    .loose()
    .nullish(),
})
export type GivenRecord = z.output<typeof givenRecord>

/** As it is kept. */
export type RecordContent = Readonly<{
  inputs: Record<string, unknown>
  outputs: unknown
  expectations: Record<string, unknown> | null
  tags: Record<string, unknown> | null
  source: GivenRecord['source'] | null
  last_update_time: number
  created_by: string | null
  last_updated_by: string | null
}>

const USER = 'mlflow.user'

export const userOf = (tags: Record<string, unknown> | null | undefined): string | null => {
  const user = tags?.[USER]
  return typeof user === 'string' ? user : null
}

/** Records with equal inputs are one record, in whatever order their keys come. */
export const hashOf = (inputs: Record<string, unknown>): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(inputs)))
    .digest('hex')

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)])
}

/** What a record is after one with the same inputs was given again: outputs are replaced, expectations and tags added to. */
export function merged(old: RecordContent | null, given: GivenRecord, at: number): RecordContent {
  const user = userOf(given.tags)
  return {
    inputs: given.inputs,
    outputs: given.outputs === undefined ? (old?.outputs ?? null) : given.outputs,
    expectations: added(old?.expectations, given.expectations),
    tags: added(old?.tags, given.tags),
    source: old === null ? (given.source ?? null) : old.source,
    last_update_time: at,
    created_by: old === null ? user : old.created_by,
    last_updated_by: user ?? old?.last_updated_by ?? null,
  }
}

const added = (
  old: Record<string, unknown> | null | undefined,
  more: Record<string, unknown> | null | undefined
): Record<string, unknown> | null =>
  old === null || old === undefined ? (more ?? null) : { ...old, ...more }

/** On the wire: what is null is left out. */
export const toWireRecord = (
  row: { record_id: string; created_time: number; content: string },
  datasetId: string
): Record<string, unknown> => {
  const content = JSON.parse(row.content) as RecordContent // as we wrote it
  const trace = content.source?.source_data?.['trace_id']
  const fields = {
    dataset_record_id: row.record_id,
    dataset_id: datasetId,
    ...content,
    created_time: row.created_time,
    source_type: content.source?.source_type ?? null,
    source_id: typeof trace === 'string' ? trace : null,
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}

type Kind = 'null' | 'boolean' | 'integer' | 'float' | 'string' | 'array' | 'object'
type Fields = Record<string, Kind>
type Schema = { inputs: Fields; outputs: Fields | Kind; expectations: Fields; version: string }

/** The types of all fields seen so far; the first type of a field stays (mlflow's `_update_dataset_schema`). */
export function widened(known: string | null, records: readonly GivenRecord[]): string {
  const schema: Schema =
    known === null
      ? { inputs: {}, outputs: {}, expectations: {}, version: '1.0' }
      : (JSON.parse(known) as Schema) // as we wrote it
  for (const record of records) {
    learn(schema.inputs, record.inputs)
    learn(schema.expectations, record.expectations ?? {})
    const { outputs } = record
    if (outputs === undefined || outputs === null) continue
    if (kindOf(outputs) === 'object' && typeof schema.outputs === 'object')
      learn(schema.outputs, outputs)
    else if (typeof schema.outputs === 'object' && Object.keys(schema.outputs).length === 0)
      schema.outputs = kindOf(outputs)
  }
  return JSON.stringify(schema)
}

function learn(fields: Fields, values: object): void {
  for (const [key, value] of Object.entries(values)) fields[key] ??= kindOf(value)
}

function kindOf(value: unknown): Kind {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'float'
  if (typeof value === 'boolean' || typeof value === 'string')
    return typeof value === 'string' ? 'string' : 'boolean'
  return 'object'
}
