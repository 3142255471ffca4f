import type { StreamSource } from '@trestle/contract'
import { messageOf } from '../../../kernel/errors.ts'
import type { KafkaRecord } from '../../../platform/kafka/index.ts'
import type { Storage, ViewRecord } from '../definitions/model.ts'
import { storedColumns } from '../aggregate/plan.ts'
import { parseExactJson } from '../feast/exact-json.ts'
import { readPushedRows } from '../rows.ts'

type Given = Readonly<Record<string, unknown>>
export type Rejected = Readonly<{ count: number; last: string | null }>

/** The rows of a topic's records that fit the view, in their order, and what was wrong with the last one that does not. */
export function rowsOfRecords(
  records: readonly KafkaRecord[],
  target: { view: ViewRecord; stream: StreamSource; storage: Storage; nowUs: number }
): { rows: Given[]; rejected: Rejected } {
  let count = 0
  let last: string | null = null
  const rows = records.flatMap((record): Given[] => {
    try {
      const row = rowOf(record, target)
      readPushedRows([row], target)
      return [row]
    } catch (error) {
      count += 1
      last = `${record.topic}[${record.partition}] at ${record.offset}: ${messageOf(error)}`
      return []
    }
  })
  return { rows, rejected: { count, last } }
}

function rowOf(
  record: KafkaRecord,
  { view, stream }: { view: ViewRecord; stream: StreamSource }
): Given {
  // A tombstone has no value, whatever the client's types say.
  const value = (record.value as Buffer | null)?.toString() ?? ''
  const parsed = parseExactJson(value === '' ? 'null' : value)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Error('its value is no JSON object')
  const event = parsed as Given // an object, by the line before
  const columns = [...view.keys, ...storedColumns(view)].map(({ name }): [string, unknown] => [
    name,
    event[stream.columns[name] ?? name],
  ])
  return {
    ...Object.fromEntries<unknown>(columns),
    event_timestamp: stream.eventTime === null ? Number(record.timestamp) : event[stream.eventTime],
    created: stream.createdTime === null ? null : event[stream.createdTime],
  }
}
