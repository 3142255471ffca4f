import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { InferenceCompleted, LoggedColumn } from '../../serving/index.ts'
import { sampleEvent } from '../test/sample-event.ts'
import { decodeBlock, encodeBlock, recordsOf, toBlocks } from './record-block.ts'
import type { LogRecord } from './record.ts'

const value = {
  float: fc.oneof(
    // JSON, which lists with nulls are kept in, has no negative zero.
    fc.double().map((x) => (x === 0 ? 0 : x)),
    fc.constant(null)
  ),
  int: fc.oneof(fc.integer(), fc.bigInt({ min: 2n ** 60n, max: 2n ** 62n }), fc.constant(null)),
  string: fc.oneof(fc.string(), fc.constant(null)),
  bool: fc.oneof(fc.boolean(), fc.constant(null)),
}
const column = (rows: number): fc.Arbitrary<LoggedColumn> =>
  fc
    .constantFrom('float' as const, 'int' as const, 'string' as const, 'bool' as const)
    .chain((type) =>
      fc.record({
        name: fc.constantFrom('a', 'b'),
        type: fc.constant(type),
        // A model may answer with another number of values than it was given rows.
        values: fc.array<LoggedColumn['values'][number]>(value[type], {
          minLength: rows,
          maxLength: rows + 1,
        }),
      })
    )
const event: fc.Arbitrary<InferenceCompleted> = fc.integer({ min: 0, max: 3 }).chain((rows) =>
  fc
    .record({
      predictionId: fc.uuid(),
      variant: fc.constantFrom('v1', 'v2'),
      latencyMs: fc.double({ min: 0, max: 1e4, noNaN: true }),
      stickyKey: fc.option(fc.string()),
      isForced: fc.boolean(),
      entities: fc.dictionary(
        fc.constantFrom('user', 'card'),
        fc.oneof(fc.string(), fc.integer(), fc.bigInt({ min: 2n ** 60n, max: 2n ** 62n }))
      ),
      inputs: fc.array(column(rows), { maxLength: 2 }),
      outputs: fc.array(column(rows), { maxLength: 1 }),
    })
    .map(({ isForced, ...over }) =>
      sampleEvent({ ...over, rows, ...(isForced ? { isForced } : {}) })
    )
)
const records: fc.Arbitrary<LogRecord[]> = fc.array(fc.record({ event, isSampled: fc.boolean() }), {
  minLength: 1,
  maxLength: 30,
})

test('every record is read back as it was written, whatever stood beside it', () => {
  fc.assert(
    fc.property(records, (given) => {
      const blocks = toBlocks(given)
      expect(new Set(blocks.flat())).toEqual(new Set(given))
      const read = blocks.flatMap((block) => recordsOf(decodeBlock(encodeBlock(block))))
      const written = blocks.flat()
      expect(read).toEqual(written)
    })
  )
})

test('a table of numbers is written as its columns are', () => {
  const columns = ['a', 'b', 'c'].map((name) => ({ name, type: 'float' as const }))
  const rows = fc.array(fc.tuple(fc.float(), fc.float(), fc.float()), { maxLength: 4 })
  fc.assert(
    fc.property(fc.array(rows, { minLength: 1, maxLength: 8 }), (tables) => {
      const events = tables.map((table) =>
        sampleEvent({
          rows: table.length,
          inputs: columns.map((column, c) => ({
            ...column,
            values: table.map((row) => row[c] ?? 0),
          })),
        })
      )
      const write = (some: InferenceCompleted[]): string[] =>
        toBlocks(some.map((e) => ({ event: e, isSampled: true }))).map(encodeBlock)
      const withTables = events.map((e, i) => ({
        ...e,
        inputTable: { columns, data: Float32Array.from((tables[i] ?? []).flat()) },
      }))
      expect(write(withTables)).toEqual(write(events))
    })
  )
})

test('records of one kind stay in their order, and a line holds a bounded number of values', () => {
  const many = Array.from({ length: 5 }, (_, i): LogRecord => {
    const values = new Float64Array(30_000)
    return {
      isSampled: true,
      event: sampleEvent({
        predictionId: `p${i}`,
        rows: values.length,
        inputs: [],
        outputs: [{ name: 'score', type: 'float', values }],
      }),
    }
  })
  const blocks = toBlocks(many)
  expect(blocks.map((block) => block.map(({ event: e }) => e.predictionId))).toEqual([
    ['p0', 'p1', 'p2'],
    ['p3', 'p4'],
  ])
})
