import { expect, test } from 'vitest'
import { feastJson, feastTime, parseExactJson } from './exact-json.ts'

test.each([
  [1, 'float64', '1.0'],
  [-0, 'float64', '-0.0'],
  [Math.fround(0.2), 'float32', '0.20000000298023224'],
  [1e21, 'float64', '1e+21'],
  [1, 'int64', '1'],
  [9223372036854775807n, 'int64', '9223372036854775807'],
  [1_700_000_000_500, 'timestamp', '1700000000'],
  [NaN, 'float64', 'null'],
  ['a"b', 'string', '"a\\"b"'],
  [true, 'bool', 'true'],
  [null, 'int64', 'null'],
] as const)('%s of %s is printed %s', (value, type, text) =>
  expect(feastJson(value, type)).toBe(text)
)

test('integers keep all their digits on the way in', () => {
  expect(
    parseExactJson('{"a":[9007199254740993,1,1.5,0.1234567890123456],"b":"9007199254740993"}')
  ).toEqual({
    a: [9007199254740993n, 1, 1.5, 0.1234567890123456],
    b: '9007199254740993',
  })
})

test.each([
  [null, '1970-01-01T00:00:00Z'],
  [1_700_000_000_000_000, '2023-11-14T22:13:20Z'],
  [1_700_000_000_120_000, '2023-11-14T22:13:20.120Z'],
  [1_700_000_000_000_001, '2023-11-14T22:13:20.000001Z'],
])('%s us is %s', (us, text) => expect(feastTime(us)).toBe(text))
