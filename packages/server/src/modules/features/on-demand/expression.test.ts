import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FeatureType } from '@trestle/contract'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Value } from '../value.ts'
import { compileExpression } from './evaluate.ts'
import { parseExpression } from './expression.ts'

const slots = new Map<string, { index: number; type: FeatureType }>([
  ['a', { index: 0, type: 'float64' }],
  ['b', { index: 1, type: 'float64' }],
  ['s', { index: 2, type: 'string' }],
  ['t', { index: 3, type: 'bool' }],
  ['v.a', { index: 0, type: 'float64' }],
])

const run = (
  text: string,
  values: readonly Value[],
  type: FeatureType = 'float64'
): Value | string => {
  const parsed = parseExpression(text)
  const compiled = parsed.kind === 'ok' ? compileExpression(parsed.tree, slots, type) : parsed
  return compiled.kind === 'ok' ? compiled.run(values) : compiled.message
}

describe('expressions', () => {
  test.each<[string, FeatureType, Value]>([
    ['a + b * 2', 'float64', 7],
    ['(a + b) * 2', 'float64', 8],
    ['-a - -b', 'float64', 2],
    ['a / 0', 'float64', null],
    ['v.a', 'float64', 1],
    ["CASE WHEN a > b THEN 'x' WHEN s = 'it''s' THEN 'y' ELSE 'z' END", 'string', 'y'],
    ['coalesce(NULL, a)', 'float64', 1],
    ['a IS NULL OR b IS NOT NULL', 'bool', true],
    ['a IN (1, 2) AND NOT b BETWEEN 4 AND 5', 'bool', true],
    ['a NOT IN (2, NULL)', 'bool', null],
    ['NULL AND FALSE', 'bool', false],
    ['NULL OR TRUE', 'bool', true],
    ['greatest(a, NULL, b)', 'float64', 3],
    ['nullif(a, 1)', 'float64', null],
    ["upper(s) || '!'", 'string', "IT'S!"],
    ['round(2.5)', 'int64', 3],
    ['a / b', 'float32', Math.fround(1 / 3)],
    ['3000000000', 'int32', null],
  ])('%s as %s is %s', (text, type, want) =>
    expect(run(text, [1, 3, "it's", true], type)).toBe(want)
  )

  test.each([
    ['a +', /expected a value/],
    ['a + zzz', /no input "zzz"/],
    ['s + 1', /needs a number, not a string/],
    ["a = 'x'", /mixes number and string/],
    ['s', /gives a string, and is declared float64/],
    ['system(1)', /no function SYSTEM/],
    ['a; drop', /can't read/],
    ['abs(a, b)', /does not take 2/],
    ['('.repeat(5000), /nested too deeply/],
  ])('%s is refused', (text, message) => expect(run(text, [1, 2, 's', true])).toMatch(message))

  test('numbers and three-valued logic are DuckDB’s', async () => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    const number = fc.letrec<{ n: string; c: string }>((tie) => ({
      n: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('a', 'b', 'NULL', '2.0', '0.5'),
        fc
          .tuple(tie('n'), fc.constantFrom('+', '-', '*'), tie('n'))
          .map(([x, op, y]) => `(${x} ${op} ${y})`),
        fc
          .tuple(tie('c'), tie('n'), tie('n'))
          .map(([c, x, y]) => `CASE WHEN ${c} THEN ${x} ELSE ${y} END`),
        fc
          .tuple(fc.constantFrom('abs', 'floor', 'coalesce'), tie('n'))
          .map(([f, x]) => `${f}(${x})`),
        fc
          .tuple(fc.constantFrom('least', 'greatest', 'nullif'), tie('n'), tie('n'))
          .map(([f, x, y]) => `${f}(${x}, ${y})`)
      ),
      c: fc.oneof(
        { maxDepth: 4 },
        fc
          .tuple(tie('n'), fc.constantFrom('<', '<=', '=', '<>', '>', '>='), tie('n'))
          .map(([x, op, y]) => `(${x} ${op} ${y})`),
        fc
          .tuple(tie('c'), fc.constantFrom('AND', 'OR'), tie('c'))
          .map(([x, op, y]) => `(${x} ${op} ${y})`),
        tie('c').map((c) => `(NOT ${c})`),
        tie('n').map((n) => `(${n} IS NULL)`)
      ),
    })).n
    const value = fc.option(fc.integer({ min: -5, max: 5 }), { nil: null })
    const tried = fc.sample(fc.tuple(number, value, value), { numRuns: 300, seed: 7 })
    const literal = (v: number | null): string => `CAST(${v ?? 'NULL'} AS DOUBLE)`
    for (const [text, a, b] of tried) {
      const answer = await connection.runAndReadAll(
        `SELECT CAST((${text}) AS DOUBLE) FROM (SELECT ${literal(a)} AS a, ${literal(b)} AS b)`
      )
      const want = answer.getRows()[0]?.[0]
      expect({ text, a, b, value: run(text, [a, b, null, null]) }).toEqual({
        text,
        a,
        b,
        value: want === 0 ? expect.closeTo(0) : want,
      })
    }
    connection.closeSync()
  })
})
