import { resolveName } from './filter.ts'
import { tokenize } from './filter-tokens.ts'
import type { Entity, Grammar } from './grammar.ts'
import { invalidParameter } from './mlflow-error.ts'

export type OrderBy = Readonly<{ entity: Entity; key: string; ascending: boolean }>

/** Parses order_by clauses, each `name [ASC|DESC]`. Attribute keys come canonical. Throws INVALID_PARAMETER_VALUE. */
export function parseOrderBy(clauses: readonly string[], grammar: Grammar): OrderBy[] {
  const parsed = clauses.map((clause) => parseOne(clause, grammar))
  const seen = new Set<string>()
  for (const { entity, key } of parsed) {
    const id = `${entity} ${key}`
    if (seen.has(id))
      throw invalidParameter(`\`order_by\` contains duplicate fields: ${JSON.stringify(clauses)}`)
    seen.add(id)
  }
  return parsed
}

function parseOne(clause: string, grammar: Grammar): OrderBy {
  const [name, direction, ...rest] = tokenize(clause)
  if (name?.kind !== 'name' || rest.length > 0)
    throw invalidParameter(`Invalid order_by clause '${clause}'. Could not be parsed.`)
  const word = direction?.text.toUpperCase() ?? 'ASC'
  if (word !== 'ASC' && word !== 'DESC')
    throw invalidParameter(`Invalid ordering key in order_by clause '${clause}'.`)
  const { entity, key } = resolveName(name, grammar)
  const canonical =
    entity === 'attribute' ? (grammar.strings[key] ?? grammar.numbers[key] ?? key) : key
  return { entity, key: canonical, ascending: word === 'ASC' }
}
