import { tokenize } from '../mlflow/filter-tokens.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import { subjectOf, type TraceSubject } from './trace-filter.ts'

export type TraceOrder = Readonly<{
  subject: Extract<TraceSubject, { kind: 'attribute' | 'tag' | 'metadata' }>
  ascending: boolean
}>

/** Parses order_by clauses of a trace search, each `name [ASC|DESC]`. Throws INVALID_PARAMETER_VALUE. */
export function parseTraceOrder(clauses: readonly string[]): TraceOrder[] {
  const seen = new Set<string>()
  return clauses.map((clause) => {
    const order = parseOne(clause)
    const id = JSON.stringify(order.subject)
    if (seen.has(id))
      throw invalidParameter(`\`order_by\` contains duplicate fields: ${JSON.stringify(clauses)}`)
    seen.add(id)
    return order
  })
}

function parseOne(clause: string): TraceOrder {
  const [name, direction, ...rest] = tokenize(clause)
  if (name?.kind !== 'name' || rest.length > 0)
    throw invalidParameter(`Invalid order_by clause '${clause}'. Could not be parsed.`)
  const word = direction?.text.toUpperCase() ?? 'ASC'
  if (word !== 'ASC' && word !== 'DESC')
    throw invalidParameter(`Invalid ordering key in order_by clause '${clause}'.`)
  const subject = subjectOf(name)
  const ascending = word === 'ASC'
  if (subject.kind === 'run')
    return { subject: { kind: 'metadata', key: 'mlflow.sourceRun' }, ascending }
  if (subject.kind !== 'attribute' && subject.kind !== 'tag' && subject.kind !== 'metadata')
    throw invalidParameter(`Traces can't be ordered by '${name.text}'`)
  return { subject, ascending }
}
