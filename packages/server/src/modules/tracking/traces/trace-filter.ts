/** MLflow's filter language for traces (mlflow/utils/search_utils.py, SearchTraceUtils): spans, assessments, RLIKE and IS NULL on top of the common one. */
import { readComparisons, type Comparison } from '../mlflow/comparisons.ts'
import { listOf } from '../mlflow/filter.ts'
import { tokenize, type FilterToken } from '../mlflow/filter-tokens.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'

/** What a comparison is about. */
export type TraceSubject = Readonly<
  | { kind: 'attribute'; column: StringColumn | NumberColumn }
  | { kind: 'tag' | 'metadata'; key: string }
  | { kind: 'span'; field: 'name' | 'type' | 'status' | 'content' }
  | { kind: 'span attribute'; key: string }
  | { kind: 'feedback' | 'expectation'; name: string }
  | { kind: 'issue' | 'prompt' | 'run' }
>

export type TraceTest = Readonly<
  | { type: 'number'; comparator: '>' | '>=' | '<' | '<=' | '=' | '!='; value: number }
  | { type: 'string'; comparator: '=' | '!=' | 'LIKE' | 'ILIKE' | 'RLIKE'; value: string }
  | { type: 'list'; comparator: 'IN' | 'NOT IN'; values: readonly string[] }
  | { type: 'presence'; isPresent: boolean }
>

export type TraceClause = Readonly<{ subject: TraceSubject; test: TraceTest }>

type StringColumn = 'trace_id' | 'state' | 'client_request_id'
type NumberColumn = 'timestamp_ms' | 'execution_time_ms' | 'end_time_ms'

export const TRACE_NAME_TAG = 'mlflow.traceName'

const STRINGS: Readonly<Record<string, StringColumn>> = {
  request_id: 'trace_id',
  trace_id: 'trace_id',
  status: 'state',
  client_request_id: 'client_request_id',
}
const NUMBERS: Readonly<Record<string, NumberColumn>> = {
  timestamp: 'timestamp_ms',
  timestamp_ms: 'timestamp_ms',
  execution_time: 'execution_time_ms',
  execution_time_ms: 'execution_time_ms',
  end_time: 'end_time_ms',
  end_time_ms: 'end_time_ms',
}
const MAPPED = ['name', 'run_id', 'prompt', 'text']
const ENTITIES = [
  ...['tag', 'tags', 'metadata', 'request_metadata', 'attribute', 'attributes', 'trace'],
  ...['span', 'feedback', 'expectation', 'issue'],
]

const OPERATORS = {
  binary: [['NOT', 'IN'], ['LIKE'], ['ILIKE'], ['RLIKE'], ['IN']],
  unary: [
    ['IS', 'NOT', 'NULL'],
    ['IS', 'NULL'],
  ],
}

const TEXT = ['=', '!=', 'LIKE', 'ILIKE', 'RLIKE']
const LISTS = ['IN', 'NOT IN']
const PRESENCE = ['IS NULL', 'IS NOT NULL']
const SIZE = ['>', '>=', '<', '<=']

/** Parses a filter. Throws INVALID_PARAMETER_VALUE. */
export function parseTraceFilter(text: string | undefined): TraceClause[] {
  if (text === undefined || text.trim() === '') return []
  return readComparisons(tokenize(text), OPERATORS).map(toClause)
}

function toClause({ left, operator, right }: Comparison): TraceClause {
  if (left.kind !== 'name')
    throw invalidParameter(`Invalid comparison clause. Expected 'Identifier' found '${left.text}'`)
  const subject = subjectOf(left)
  const comparator = operator === '==' ? '=' : operator === '<>' ? '!=' : operator
  const allowed = comparatorsOf(subject)
  if (!allowed.includes(comparator))
    throw invalidParameter(
      `Invalid comparator '${operator}' for ${left.text}: not one of '{${allowed.map((c) => `'${c}'`).join(', ')}}'`
    )
  return { subject, test: testOf({ subject, comparator, right, left }) }
}

/** The subject of a name, in a filter or in an order_by. */
export function subjectOf(token: Extract<FilterToken, { kind: 'name' }>): TraceSubject {
  const [first, ...rest] = token.parts
  const dot = first === undefined || first.quote !== '' ? -1 : first.text.indexOf('.')
  if (first === undefined || dot < 0) return attributeOf(first?.text ?? token.text)
  const entity = first.text.slice(0, dot)
  const key = first.text.slice(dot + 1) + rest.map((part) => part.text).join('')
  if (!ENTITIES.includes(entity))
    throw invalidParameter(
      `Invalid entity type '${entity}'. Valid values are {${ENTITIES.map((e) => `'${e}'`).join(', ')}}`
    )
  if (key === '') throw invalidParameter(`'${token.text}' names no key`)
  switch (entity) {
    case 'tag':
    case 'tags':
      return { kind: 'tag', key }
    case 'metadata':
    case 'request_metadata':
      return key === 'mlflow.sourceRun' ? { kind: 'run' } : { kind: 'metadata', key }
    case 'span':
      return spanSubject(key)
    case 'feedback':
    case 'expectation':
      return { kind: entity, name: key }
    case 'issue':
      if (key !== 'id') throw invalidParameter(`Invalid issue attribute '${key}'. Supported: id`)
      return { kind: 'issue' }
    default:
      return attributeOf(key)
  }
}

function attributeOf(key: string): TraceSubject {
  switch (key.toLowerCase()) {
    case 'name':
      return { kind: 'tag', key: TRACE_NAME_TAG }
    case 'run_id':
      return { kind: 'run' }
    case 'prompt':
      return { kind: 'prompt' }
    case 'text':
      return { kind: 'span', field: 'content' }
  }
  const column = Object.hasOwn(STRINGS, key)
    ? STRINGS[key]
    : Object.hasOwn(NUMBERS, key)
      ? NUMBERS[key]
      : undefined
  if (column !== undefined) return { kind: 'attribute', column }
  const valid = [...Object.keys(STRINGS), ...Object.keys(NUMBERS), ...MAPPED]
  throw invalidParameter(
    `Invalid attribute key '${key}' specified. Valid keys are '{${valid.map((v) => `'${v}'`).join(', ')}}'`
  )
}

function spanSubject(key: string): TraceSubject {
  if (key === 'name' || key === 'type' || key === 'status' || key === 'content')
    return { kind: 'span', field: key }
  const attribute = /^attributes\.(.+)$/s.exec(key)?.[1]
  if (attribute !== undefined) return { kind: 'span attribute', key: attribute }
  throw invalidParameter(
    `Invalid span attribute '${key}'. Supported attributes: name, status, type, content, attributes.<attribute_name>.`
  )
}

function comparatorsOf(subject: TraceSubject): string[] {
  switch (subject.kind) {
    case 'attribute':
      return isNumber(subject.column) ? [...SIZE, '=', '!='] : [...TEXT, ...LISTS]
    case 'tag':
      return [...TEXT, ...(subject.key === TRACE_NAME_TAG ? LISTS : []), ...PRESENCE]
    case 'metadata':
      return [...TEXT, ...PRESENCE]
    case 'run':
      return [...TEXT, ...LISTS, ...PRESENCE]
    case 'span':
      return subject.field === 'content' ? ['LIKE', 'ILIKE'] : [...TEXT, ...LISTS]
    case 'span attribute':
      return [...TEXT, ...LISTS]
    case 'feedback':
    case 'expectation':
      return [...TEXT, ...SIZE, ...PRESENCE]
    case 'issue':
    case 'prompt':
      return ['=']
  }
}

const isNumber = (column: StringColumn | NumberColumn): boolean =>
  Object.values<string>(NUMBERS).includes(column)

function testOf(given: {
  subject: TraceSubject
  comparator: string
  right: FilterToken | null
  left: FilterToken
}): TraceTest {
  const { subject, comparator, right, left } = given
  if (right === null) return { type: 'presence', isPresent: comparator === 'IS NOT NULL' }
  const isNumeric =
    (subject.kind === 'attribute' && isNumber(subject.column)) || SIZE.includes(comparator)
  if (isNumeric) {
    const value = right.kind === 'number' ? Number(right.text) : Number.NaN
    if (!Number.isFinite(value))
      throw invalidParameter(`Expected numeric value type for ${left.text}. Found ${right.text}`)
    return { type: 'number', comparator: comparator as '>', value } // one of those that `comparatorsOf` allows
  }
  if (LISTS.includes(comparator)) {
    if (right.kind !== 'list')
      throw invalidParameter(`Expected a list of quoted strings for ${left.text}: ('a', 'b')`)
    return { type: 'list', comparator: comparator as 'IN', values: listOf(right) }
  }
  return { type: 'string', comparator: comparator as '=', value: stringOf(right, left) }
}

function stringOf(token: FilterToken, left: FilterToken): string {
  if (token.kind === 'string') return token.value
  const only = token.kind === 'name' && token.parts.length === 1 ? token.parts[0] : undefined
  if (only?.quote === '"') return only.text
  throw invalidParameter(
    `Expected a quoted string value for ${left.text} (e.g. 'my-value'). Got value ${token.text}`
  )
}
