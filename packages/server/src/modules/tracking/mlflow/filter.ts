/**
 * MLflow's filter language: comparisons joined by AND. No OR, no NOT, no parentheses but for lists.
 * Checked against 111 results of MLflow's own parser (fixtures/filters.json).
 */
import { readComparisons, type Comparison } from './comparisons.ts'
import { tokenize, type FilterToken } from './filter-tokens.ts'
import type { Entity, Grammar } from './grammar.ts'
import { invalidParameter } from './mlflow-error.ts'

export type StringComparator = '=' | '!=' | 'LIKE' | 'ILIKE'
export type NumberComparator = '>' | '>=' | '<' | '<=' | '=' | '!='

/** One comparison, typed by what it compares. Keys are canonical. */
export type Clause = Readonly<{ entity: Entity; key: string }> &
  Readonly<
    | { type: 'number'; comparator: NumberComparator; value: number }
    | { type: 'string'; comparator: StringComparator; value: string }
    | { type: 'list'; comparator: 'IN' | 'NOT IN'; values: readonly string[] }
  >

const WORDS = { binary: [['NOT', 'IN'], ['LIKE'], ['ILIKE'], ['IN']] }

/** Parses a filter. Throws INVALID_PARAMETER_VALUE with MLflow's own wording. */
export function parseFilter(text: string | undefined, grammar: Grammar): Clause[] {
  if (text === undefined || text === '') return []
  const tokens = tokenize(text)
  if (tokens.length === 0) throw invalidParameter(`Invalid filter '${text}'. Could not be parsed.`)
  return readComparisons(tokens, WORDS).map((comparison) => toClause(comparison, grammar))
}

function toClause({ left, operator, right }: Comparison, grammar: Grammar): Clause {
  if (left.kind !== 'name' || right === null)
    throw invalidParameter(`Invalid comparison clause. Expected 'Identifier' found '${left.text}'`)
  const { entity, key } = resolveName(left, grammar)
  if (entity === 'metric') return numberClause({ entity, key }, operator, numberOf(right, 'metric'))
  if (entity === 'attribute' && Object.hasOwn(grammar.numbers, key)) {
    const canonical = grammar.numbers[key] ?? key
    const value = numberOf(right, `numeric attribute: ${key}`)
    return numberClause({ entity, key: canonical }, operator, value)
  }
  const canonical = entity === 'attribute' ? (grammar.strings[key] ?? key) : key
  const takesLists =
    entity === 'dataset' ||
    grammar.listsEverywhere === true ||
    (entity === 'attribute' && grammar.lists.includes(canonical))
  if (right.kind === 'list') {
    if (!takesLists) throw notQuoted(entity, right)
    const values = listOf(right)
    // MLflow's run ids are lower case, and it drops others from a list.
    return listClause(
      { entity, key: canonical },
      operator,
      canonical === 'run_id' ? values.filter((v) => v === v.toLowerCase()) : values
    )
  }
  return stringClause({ entity, key: canonical }, operator, {
    value: stringOf(right, entity),
    takesLists,
  })
}

type Subject = { entity: Entity; key: string }

function numberClause(subject: Subject, operator: string, value: number): Clause {
  const comparator = operator === '==' ? '=' : operator === '<>' ? '!=' : operator
  switch (comparator) {
    case '>':
    case '>=':
    case '<':
    case '<=':
    case '=':
    case '!=':
      return { ...subject, type: 'number', comparator, value }
    default:
      throw badComparator(operator, ['>', '>=', '!=', '=', '<', '<='])
  }
}

function stringClause(
  subject: Subject,
  operator: string,
  given: { value: string; takesLists: boolean }
): Clause {
  switch (operator) {
    case '=':
    case '!=':
    case 'LIKE':
    case 'ILIKE':
      return { ...subject, type: 'string', comparator: operator, value: given.value }
    default:
      throw badComparator(operator, [
        '=',
        '!=',
        'LIKE',
        'ILIKE',
        ...(given.takesLists ? ['IN', 'NOT IN'] : []),
      ])
  }
}

function listClause(subject: Subject, operator: string, values: readonly string[]): Clause {
  if (operator !== 'IN' && operator !== 'NOT IN') throw badComparator(operator, ['IN', 'NOT IN'])
  return { ...subject, type: 'list', comparator: operator, values }
}

const badComparator = (operator: string, allowed: readonly string[]) =>
  invalidParameter(
    `Invalid comparator '${operator}' not one of '{${allowed.map((c) => `'${c}'`).join(', ')}}'`
  )

/** Splits `entity.key`; a name without an entity is an attribute. */
export function resolveName(
  token: Extract<FilterToken, { kind: 'name' }>,
  grammar: Grammar
): { entity: Entity; key: string } {
  const [first, ...rest] = token.parts
  const dot = first === undefined || first.quote !== '' ? -1 : first.text.indexOf('.')
  if (first === undefined || dot < 0) return attribute(first?.text ?? token.text, grammar)
  const written = first.text.slice(0, dot)
  const entity = Object.hasOwn(grammar.entities, written) ? grammar.entities[written] : undefined
  if (entity === undefined) {
    throw invalidParameter(
      `Invalid entity type '${written}'. Valid entity types are ${setOf(Object.keys(grammar.entities))}`
    )
  }
  const key = first.text.slice(dot + 1) + rest.map((part) => part.text).join('')
  if (entity === 'attribute') return attribute(key, grammar)
  if (entity === 'dataset' && grammar.datasetKeys?.includes(key) !== true)
    throw invalidParameter(
      `Invalid dataset key '${key}' specified. Valid keys are '${setOf(grammar.datasetKeys ?? [])}'`
    )
  return { entity, key }
}

function attribute(key: string, grammar: Grammar): { entity: 'attribute'; key: string } {
  if (!Object.hasOwn(grammar.strings, key) && !Object.hasOwn(grammar.numbers, key)) {
    const valid = [...Object.keys(grammar.strings), ...Object.keys(grammar.numbers)]
    throw invalidParameter(
      `Invalid attribute key '${key}' specified. Valid keys are '${setOf(valid)}'`
    )
  }
  return { entity: 'attribute', key }
}

const setOf = (items: readonly string[]): string =>
  `{${items.map((item) => `'${item}'`).join(', ')}}`

function numberOf(token: FilterToken, subject: string): number {
  const value = token.kind === 'number' ? Number(token.text) : Number.NaN
  if (Number.isFinite(value)) return value
  throw invalidParameter(`Expected numeric value type for ${subject}. Found ${token.text}`)
}

function stringOf(token: FilterToken, entity: Entity): string {
  if (token.kind === 'string') return token.value
  const only = token.kind === 'name' && token.parts.length === 1 ? token.parts[0] : undefined
  if (only?.quote === '"') return only.text
  throw notQuoted(entity, token)
}

function notQuoted(entity: Entity, token: FilterToken) {
  if (token.kind === 'name')
    return invalidParameter(
      `Parameter value is either not quoted or unidentified quote types used for string value ${token.text}. Use either single or double quotes.`
    )
  return invalidParameter(
    `Expected a quoted string value for ${entity} (e.g. 'my-value'). Got value ${token.text}`
  )
}

export function listOf(list: Extract<FilterToken, { kind: 'list' }>): string[] {
  const values = list.items.filter((item) => !(item.kind === 'other' && item.text === ','))
  if (values.length === 0)
    throw invalidParameter(
      'While parsing a list in the query, expected a non-empty list of string values, but got empty list'
    )
  return values.map((item) => {
    if (item.kind === 'string') return item.value
    const only = item.kind === 'name' && item.parts.length === 1 ? item.parts[0] : undefined
    if (only?.quote === '"') return only.text
    throw invalidParameter(
      `While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: ${list.text}`
    )
  })
}
