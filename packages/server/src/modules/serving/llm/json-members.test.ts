import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memberSpans, setMembers } from './json-members.ts'

const set = (text: string, members: Record<string, unknown>): string =>
  setMembers(Buffer.from(text), members).toString()

test('only the named member changes; order, spaces, huge numbers and unknown fields stay byte for byte', () => {
  const body = '{ "model" : "chat",\n "seed": 12345678901234567890123, "x": {"model": "}\\"{"} }'
  expect(set(body, { model: 'gpt-4o' })).toBe(
    '{ "model" : "gpt-4o",\n "seed": 12345678901234567890123, "x": {"model": "}\\"{"} }'
  )
})

test('a new member goes last, also into an empty object; a removed one takes one comma along', () => {
  expect(set('{}', { a: 1 })).toBe('{"a":1}')
  expect(set('{"a":1}', { b: [2] })).toBe('{"a":1,"b":[2]}')
  expect(set('{"a":1,"b":2,"c":3}', { b: undefined })).toBe('{"a":1,"c":3}')
  expect(set('{"a":1,"b":2}', { b: undefined })).toBe('{"a":1}')
  expect(set('{"a":1}', { a: undefined, b: 2 })).toBe('{"b":2}')
  expect(set('{"a":1,"b":2,"c":3}', { b: undefined, c: undefined })).toBe('{"a":1}')
  expect(set('{"a":1, "b":2, "c":3}', { a: undefined, c: undefined, d: 4 })).toBe('{"b":2,"d":4}')
})

test('of a name given twice every value is set, so that no reader sees the old one', () => {
  expect(set('{"model":"a","model":"b"}', { model: 'c' })).toBe('{"model":"c","model":"c"}')
})

test('for any object: what is set is set, and the rest parses as before', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (object, value) => {
      const bytes = Buffer.from(JSON.stringify(object, null, object['a'] === undefined ? 0 : 2))
      const known = JSON.parse(bytes.toString()) as Record<string, unknown>
      expect(memberSpans(bytes).map(({ name }) => name)).toEqual(Object.keys(known))
      const changed: unknown = JSON.parse(setMembers(bytes, { model: value }).toString())
      expect(changed).toEqual({ ...known, model: JSON.parse(JSON.stringify(value)) as unknown })
      const without: unknown = JSON.parse(
        setMembers(bytes, { [Object.keys(known)[0] ?? 'none']: undefined }).toString()
      )
      const { [Object.keys(known)[0] ?? 'none']: _gone, ...rest } = known
      expect(without).toEqual(rest)
    })
  )
})
