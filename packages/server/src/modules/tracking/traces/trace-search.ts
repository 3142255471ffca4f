import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Database, Dialect } from '../../../platform/database/index.ts'
import { compare } from '../mlflow/conditions.ts'
import {
  afterCursor,
  allOf,
  cursorOf,
  orderClause,
  sortColumns,
  type SortTerm,
} from '../mlflow/keyset.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import type { Cursor } from '../mlflow/page-token.ts'
import type { TrackingTables } from '../tables.ts'
import type { TraceClause, TraceSubject, TraceTest } from './trace-filter.ts'
import type { TraceOrder } from './trace-order.ts'
import type { TraceRow } from './trace-records.ts'

export type TraceSearch = Readonly<{
  project: string
  experimentIds: readonly number[]
  clauses: readonly TraceClause[]
  orderBy: readonly TraceOrder[]
  after: Cursor | null
  limit: number
}>

type Condition = RawBuilder<SqlBool>

/** One page of traces, and where it ended when there are more. */
export async function searchTraces(
  database: Database,
  query: TraceSearch
): Promise<{ rows: TraceRow[]; last: Cursor | null }> {
  if (query.experimentIds.length === 0) return { rows: [], last: null }
  const terms = sortOf(query.orderBy)
  const where = [
    ...(await scope(database, query)),
    ...(query.after === null ? [] : [afterCursor(terms, query.after)]),
  ]
  const { rows } = await sql<TraceRow & Record<string, unknown>>`
    select t.*, ${sortColumns(terms)} from traces t
    where ${allOf(where)} order by ${orderClause(terms)} limit ${query.limit + 1}`.execute(
    database.as<TrackingTables>()
  )
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  return {
    rows: page,
    last: rows.length > query.limit && last !== undefined ? cursorOf(last, terms) : null,
  }
}

/** How many traces match. */
export async function countTraces(
  database: Database,
  query: Pick<TraceSearch, 'project' | 'experimentIds' | 'clauses'>
): Promise<number> {
  if (query.experimentIds.length === 0) return 0
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from traces t where ${allOf(await scope(database, query))}`.execute(
    database.as<TrackingTables>()
  )
  return rows[0]?.n ?? 0
}

async function scope(
  database: Database,
  query: Pick<TraceSearch, 'project' | 'experimentIds' | 'clauses'>
): Promise<Condition[]> {
  for (const { test } of query.clauses)
    if (test.type === 'string' && test.comparator === 'RLIKE')
      await database.checkRegexp(test.value).catch((error: unknown) => {
        throw invalidParameter(
          `Invalid regular expression '${test.value}': ${error instanceof Error ? error.message : ''}`
        )
      })
  const ofSpans = query.clauses.filter(({ subject }) => isOfSpan(subject))
  const spanTests = ofSpans.map(({ subject, test }) =>
    spanCondition(subject, test, database.dialect)
  )
  return [
    sql<SqlBool>`t.project = ${query.project}`,
    sql<SqlBool>`t.experiment_id in (${sql.join(query.experimentIds)})`,
    ...query.clauses
      .filter(({ subject }) => !isOfSpan(subject))
      .map((clause) => condition(clause, database.dialect)),
    // All that is said of spans is said of one span.
    ...(spanTests.length === 0
      ? []
      : [
          sql<SqlBool>`exists (select 1 from trace_spans s where s.trace_key = t.trace_key and ${allOf(spanTests)})`,
        ]),
  ]
}

const isOfSpan = (subject: TraceSubject): boolean =>
  subject.kind === 'span' || subject.kind === 'span attribute'

function condition({ subject, test }: TraceClause, dialect: Dialect): Condition {
  switch (subject.kind) {
    case 'attribute':
      return matches(columnOf(subject.column), test, dialect)
    case 'tag':
    case 'metadata': {
      const table = sql.table(subject.kind === 'tag' ? 'trace_tags' : 'trace_metadata')
      return existing(
        sql`${table} kv where kv.trace_key = t.trace_key and kv.key = ${subject.key}`,
        sql`kv.value`,
        { test, dialect }
      )
    }
    case 'run':
      return existing(
        sql`(select r.run_id as value from trace_runs r where r.trace_key = t.trace_key
          union all select m.value from trace_metadata m where m.trace_key = t.trace_key and m.key = 'mlflow.sourceRun') kv where 1 = 1`,
        sql`kv.value`,
        { test, dialect }
      )
    case 'prompt':
      return existing(sql`trace_prompts p where p.trace_key = t.trace_key`, sql`p.prompt`, {
        test,
        dialect,
      })
    case 'issue':
      return existing(
        sql`trace_assessments a where a.trace_key = t.trace_key and a.kind = 'issue'`,
        sql`a.name`,
        { test, dialect }
      )
    case 'feedback':
    case 'expectation':
      return sql<SqlBool>`${sql.raw(test.type === 'presence' && !test.isPresent ? 'not ' : '')}exists (
        select 1 from trace_assessments a where a.trace_key = t.trace_key and a.kind = ${subject.kind}
        and a.name = ${subject.name} and a.valid = 1 and ${assessmentTest(test, dialect)})`
    case 'span':
    case 'span attribute':
      return sql<SqlBool>`1 = 1`
  }
}

/** `rows where …` has one whose value passes; for IS NULL, has none. */
function existing(
  rows: RawBuilder<unknown>,
  value: RawBuilder<unknown>,
  given: { test: TraceTest; dialect: Dialect }
): Condition {
  const { test, dialect } = given
  if (test.type === 'presence')
    return sql<SqlBool>`${sql.raw(test.isPresent ? '' : 'not ')}exists (select 1 from ${rows})`
  return sql<SqlBool>`exists (select 1 from ${rows} and ${matches(value, test, dialect)})`
}

/** A value of an assessment is JSON: `'yes'` finds the text "yes", and `'true'` and `'5'` what is no text. */
function assessmentTest(test: TraceTest, dialect: Dialect): Condition {
  if (test.type === 'presence') return sql<SqlBool>`1 = 1`
  if (test.type === 'number') return matches(sql`a.number`, test, dialect)
  if (test.type === 'string' && (test.comparator === '=' || test.comparator === '!=')) {
    const isNot = test.comparator === '!='
    return sql<SqlBool>`coalesce(a.value, '') ${sql.raw(isNot ? 'not in' : 'in')} (${test.value}, ${JSON.stringify(test.value)})`
  }
  return matches(sql`a.value`, test, dialect)
}

function spanCondition(subject: TraceSubject, test: TraceTest, dialect: Dialect): Condition {
  if (subject.kind === 'span') return matches(sql.ref(`s.${subject.field}`), test, dialect)
  const key = subject.kind === 'span attribute' ? subject.key : ''
  const value =
    dialect === 'postgres'
      ? sql`(s.attributes::jsonb ->> ${key})`
      : sql`json_extract(s.attributes, ${`$."${key.replaceAll('"', '')}"`})`
  return matches(value, test, dialect)
}

function matches(column: RawBuilder<unknown>, test: TraceTest, dialect: Dialect): Condition {
  switch (test.type) {
    case 'presence':
      return sql<SqlBool>`${column} is ${sql.raw(test.isPresent ? 'not null' : 'null')}`
    case 'number':
      return compare(column, { ...test, entity: 'attribute', key: '' }, dialect)
    case 'list':
      return compare(column, { ...test, entity: 'attribute', key: '' }, dialect)
    case 'string': {
      const { comparator, value } = test
      if (comparator === 'RLIKE')
        return dialect === 'postgres'
          ? sql<SqlBool>`${column} ~ ${value}`
          : sql<SqlBool>`${column} regexp ${value}`
      return compare(
        column,
        { type: 'string', comparator, value, entity: 'attribute', key: '' },
        dialect
      )
    }
  }
}

const columnOf = (column: string): RawBuilder<unknown> =>
  column === 'end_time_ms'
    ? sql`t.timestamp_ms + coalesce(t.execution_time_ms, 0)`
    : sql.ref(`t.${column}`)

/** The order asked for, then newest first, then by id. What is missing comes last. */
function sortOf(orderBy: readonly TraceOrder[]): SortTerm[] {
  const terms = orderBy.flatMap(({ subject, ascending }): SortTerm[] => {
    switch (subject.kind) {
      case 'attribute': {
        const column = columnOf(subject.column)
        const isNullable =
          subject.column === 'execution_time_ms' || subject.column === 'client_request_id'
        if (!isNullable) return [{ expression: column, ascending }]
        const none = subject.column === 'execution_time_ms' ? sql`0` : sql`''`
        return missingLast(column, none, ascending)
      }
      case 'tag':
      case 'metadata': {
        const table = sql.table(subject.kind === 'tag' ? 'trace_tags' : 'trace_metadata')
        const value = sql`(select kv.value from ${table} kv where kv.trace_key = t.trace_key and kv.key = ${subject.key})`
        return missingLast(value, sql`''`, ascending)
      }
    }
  })
  const asked = orderBy.map(({ subject }) => (subject.kind === 'attribute' ? subject.column : ''))
  if (!asked.includes('timestamp_ms'))
    terms.push({ expression: sql`t.timestamp_ms`, ascending: false })
  if (!asked.includes('trace_id')) terms.push({ expression: sql`t.trace_id`, ascending: true })
  return terms
}

const missingLast = (
  value: RawBuilder<unknown>,
  none: RawBuilder<unknown>,
  ascending: boolean
): SortTerm[] => [
  { expression: sql`case when ${value} is null then 1 else 0 end`, ascending: true },
  { expression: sql`coalesce(${value}, ${none})`, ascending },
]
