import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseFilter, type Clause } from './filter.ts'
import {
  EXPERIMENTS,
  LOGGED_MODELS,
  MODEL_VERSIONS,
  REGISTERED_MODELS,
  RUNS,
  type Grammar,
} from './grammar.ts'
import { MlflowError } from './mlflow-error.ts'
import { parseOrderBy } from './order-by.ts'

type Recorded = {
  kind: string
  filter: string
  ok: boolean
  error?: string
  clauses?: { type: string; key: string; comparator: string; value: unknown }[]
  parsed?: [string, string, boolean]
}

const GRAMMARS: Record<string, Grammar> = {
  runs: RUNS,
  experiments: EXPERIMENTS,
  registered_models: REGISTERED_MODELS,
  model_versions: MODEL_VERSIONS,
  logged_models: LOGGED_MODELS,
}
const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/filters.json', import.meta.url), 'utf8')
) as Recorded[]

// MLflow's parser lets these pass and refuses them when it runs the query.
const REFUSED_LATER = new Set(["params.a > '1'", "version_number > '1'"])
// What is a set in Python comes in any order, and one of MLflow's parsers leaves quotes out.
const wording = (message: string) => message.replaceAll(/\{.*\}|\(.*\)$/g, '').replaceAll("'", '')

for (const { kind, filter, ok, error, clauses } of recorded.filter((r) => r.kind in GRAMMARS)) {
  const grammar = GRAMMARS[kind]!
  if (REFUSED_LATER.has(filter)) continue
  test(`${kind}: ${filter === '' ? '(empty)' : filter} ${ok ? 'means what MLflow says' : 'is refused in MLflow’s words'}`, () => {
    if (!ok) {
      const refusal = refusalOf(() => parseFilter(filter, grammar))
      if (kind !== 'logged_models') expect(wording(refusal)).toBe(wording(error!))
      return
    }
    expect(parseFilter(filter, grammar).map(comparable)).toEqual(
      clauses!.map((c) => ({
        entity: c.type.replace(/s$/, '').replace(/^param$/, 'parameter'),
        comparator: { '==': '=', '<>': '!=' }[c.comparator] ?? c.comparator.toUpperCase(),
        value: typeof c.value === 'number' ? String(c.value) : c.value,
        key: canonical(c.key, grammar, c.type.startsWith('attribute')),
      }))
    )
  })
}

for (const { filter, ok, parsed } of recorded.filter((r) => r.kind === 'runs_order_by')) {
  test(`order_by: ${filter} ${ok ? 'means what MLflow says' : 'is refused'}`, () => {
    if (!ok) return void refusalOf(() => parseOrderBy([filter], RUNS))
    const [entity, key, ascending] = parsed!
    expect(parseOrderBy([filter], RUNS)).toEqual([{ entity, key, ascending }])
  })
}

test('comparators that a kind of value does not take are refused', () => {
  for (const filter of [
    "params.a > '1'",
    'metrics.a LIKE 1',
    "tags.a IN ('x')",
    "run_name IN ('x')",
  ])
    refusalOf(() => parseFilter(filter, RUNS))
})

test('any text is parsed or refused, never a crash', () => {
  const piece = fc.constantFrom(
    'metrics.',
    'params.',
    'a',
    '`',
    '"',
    "'",
    ' ',
    '=',
    '>',
    'AND ',
    'IN ',
    '(',
    ')',
    ',',
    '1',
    '.',
    'LIKE ',
    'NOT ',
    ';',
    'ü'
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        parseFilter(pieces.join(''), RUNS)
      } catch (error) {
        expect(error).toBeInstanceOf(MlflowError)
      }
    }),
    { numRuns: 2_000 }
  )
})

function comparable(clause: Clause): Record<string, unknown> {
  return {
    entity: clause.entity,
    key: clause.key,
    comparator: clause.comparator,
    value:
      clause.type === 'list'
        ? clause.values
        : clause.type === 'number'
          ? (expect.toSatisfy((text: unknown) => Number(text) === clause.value) as unknown)
          : clause.value,
  }
}

const canonical = (key: string, grammar: Grammar, isAttribute: boolean) =>
  isAttribute ? (grammar.strings[key] ?? grammar.numbers[key] ?? key) : key

function refusalOf(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    if (error instanceof MlflowError && error.code === 'INVALID_PARAMETER_VALUE')
      return error.message
    throw error
  }
  throw new Error('was not refused')
}
