import type { FeatureType } from '@trestle/contract'
import type { ReadTexts, TextPlan } from '../online/read-texts.ts'
import type { Selection } from '../selection.ts'
import { parseValue, type Value } from '../value.ts'
import { feastJson, feastTime } from './exact-json.ts'

/** Feast's answer of a plan, column by column: the times and statuses of a view's columns are written once for all of them. */
export function writeColumns(
  { selection, plan }: { selection: Selection; plan: TextPlan },
  found: readonly ReadTexts[],
  { keys, count }: { keys: ReadonlyMap<string, readonly Value[]>; count: number }
): string {
  const present = repeated('"PRESENT"', count)
  const columns = selection.keys.map(({ key, type }) => {
    const values = (keys.get(key) ?? []).map((value) => feastJson(value, type))
    return `{"values":[${values.join(',')}],"statuses":[${present}],"event_timestamps":[${repeated('"1970-01-01T00:00:00Z"', count)}]}`
  })
  const ofRead = found.map(({ statuses, eventsUs }) => ({
    statuses: statuses.every((s) => s === 'PRESENT')
      ? present
      : statuses.map((s) => `"${s}"`).join(','),
    times: writeTimes(eventsUs),
  }))
  let results = columns.join(',')
  for (const { output, read, at, missing } of plan.outputs) {
    const { type } = output
    const { values, hasNull } = writeValues(found[read]?.texts ?? [], { at, type, missing })
    const statuses = hasNull ? withNulls(found[read], at) : ofRead[read]?.statuses
    results += `${results === '' ? '' : ','}{"values":[${values}],"statuses":[${statuses ?? ''}],"event_timestamps":[${ofRead[read]?.times ?? ''}]}`
  }
  return `{"results":[${results}],"metadata":${metadataOf(selection)}}`
}

/** One column's values; `hasNull` when a row that is there has none. */
function writeValues(
  texts: ReadTexts['texts'],
  { at, type, missing }: { at: number; type: FeatureType; missing: string }
): { values: string; hasNull: boolean } {
  const isAsPacked = type === 'string' || type === 'bool'
  let values = ''
  let hasNull = false
  for (let i = 0; i < texts.length; i++) {
    const row = texts[i] ?? null
    const text = row === null ? missing : (row[at] ?? 'null')
    const shown = isAsPacked ? text : feastNumber(text, type)
    values += i === 0 ? shown : ',' + shown
    hasNull ||= text === 'null' && row !== null
  }
  return { values, hasNull }
}

const QUOTE = 34

/** A packed number as Feast prints it. */
function feastNumber(text: string, type: FeatureType): string {
  const isQuoted = text.charCodeAt(0) === QUOTE
  if (type === 'int32' || type === 'int64') return isQuoted ? text.slice(1, -1) : text
  if (text === 'null') return text
  if (isQuoted || type === 'timestamp')
    return feastJson(parseValue(type, JSON.parse(text)) ?? null, type)
  return text.includes('.') || text.includes('e') ? text : `${text}.0`
}

const withNulls = (read: ReadTexts | undefined, at: number): string =>
  (read?.statuses ?? [])
    .map((status, i) =>
      status === 'PRESENT' && (read?.texts[i]?.[at] ?? 'null') === 'null'
        ? '"NULL_VALUE"'
        : `"${status}"`
    )
    .join(',')

const repeated = (text: string, count: number): string =>
  count === 0 ? '' : text + `,${text}`.repeat(count - 1)

/** The last instants that were written: rows of one source share few. */
let known = new Map<number | null, string>()
const MAX_KNOWN = 4_096

function writeTimes(eventsUs: readonly (number | null)[]): string {
  let texts = ''
  for (let i = 0; i < eventsUs.length; i++) {
    const us = eventsUs[i] ?? null
    let text = known.get(us)
    if (text === undefined) {
      if (known.size >= MAX_KNOWN) known = new Map()
      known.set(us, (text = `"${feastTime(us)}"`))
    }
    texts += i === 0 ? text : `,${text}`
  }
  return texts
}

const metadata = new WeakMap<Selection, string>()

function metadataOf(selection: Selection): string {
  let text = metadata.get(selection)
  if (text === undefined) {
    const names = [...selection.keys.map((k) => k.key), ...selection.outputs.map((o) => o.name)]
    metadata.set(selection, (text = JSON.stringify({ feature_names: names })))
  }
  return text
}
