import { expect, test } from 'vitest'
import type { WireSpan } from '@trestle/contract'
import { attributesOf, placeSpans } from './spans.ts'

const span = (id: string, parent: string | undefined, at: number): WireSpan => ({
  span_id: id,
  ...(parent === undefined ? {} : { parent_span_id: parent }),
  name: id,
  start_time_unix_nano: at * 1e6,
  end_time_unix_nano: (at + 5) * 1e6,
  attributes: [],
  status: {},
})

test('spans stand under their parents by time; orphans and circles are shown too', () => {
  const spans = [
    span('b', 'root', 30),
    span('a', 'root', 20),
    span('root', undefined, 10),
    span('orphan', 'gone', 15),
    span('x', 'y', 40),
    span('y', 'x', 41),
  ]
  expect(placeSpans(spans).map((p) => [p.span.name, p.depth, p.from])).toEqual([
    ['root', 0, 0],
    ['a', 1, 10],
    ['b', 1, 20],
    ['orphan', 0, 5],
    ['x', 0, 30],
    ['y', 1, 31],
  ])
})

test('attributes lose their wrapping', () => {
  const values = {
    kvlist_value: {
      values: [
        { key: 'q', value: { string_value: 'x' } },
        {
          key: 'list',
          value: { array_value: { values: [{ int_value: 1 }, { bool_value: false }] } },
        },
      ],
    },
  }
  const attributes = attributesOf({
    ...span('a', undefined, 0),
    attributes: [
      { key: 'in', value: values },
      { key: 'mlflow.spanType', value: { string_value: '"AGENT"' } },
    ],
  })
  expect(attributes.get('mlflow.spanType')).toBe('AGENT')
  expect(attributes.get('in')).toEqual({ q: 'x', list: [1, false] })
})
