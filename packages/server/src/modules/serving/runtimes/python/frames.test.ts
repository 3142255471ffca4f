import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFrameCutter, writeFrame } from './frames.ts'

test('messages come out as they went in, however the pipe cuts them', () => {
  const frame = fc.record({ head: fc.jsonValue(), body: fc.uint8Array({ maxLength: 50 }) })
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ head, body }) => writeFrame(head, [body])))
        const cut = createFrameCutter()
        const out: { head: unknown; body: number[] }[] = []
        for (let at = 0, i = 0; at < bytes.byteLength; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1)
          for (const { head, body } of cut(bytes.subarray(at, end)))
            out.push({ head, body: [...body] })
          at = end
        }
        expect(out).toEqual(
          frames.map(({ head, body }) => ({
            head: JSON.parse(JSON.stringify(head)),
            body: [...body],
          }))
        )
      }
    )
  )
})

test('lengths that no message of ours has are refused', () => {
  expect(() => createFrameCutter()(Buffer.from('Traceback (most recent'))).toThrow('too long')
})
