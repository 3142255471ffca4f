import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const WINDOW = 64 * 1024

/** Bytes by position. Only what is looked at is read, so that a model's gigabytes of weights are stepped over. */
export interface ByteSource {
  readonly size: number
  byteAt(position: number): number
  slice(start: number, end: number): Buffer
  close(): void
}

export function openFile(path: string): ByteSource {
  const file = openSync(path, 'r')
  const { size } = fstatSync(file)
  const window = Buffer.alloc(WINDOW)
  let from = 0
  let length = 0
  return {
    size,
    byteAt(position) {
      if (position < from || position >= from + length) {
        from = position
        length = readSync(file, window, 0, WINDOW, position)
      }
      const byte = window[position - from]
      if (byte === undefined || position >= from + length)
        throw new Error('the file ends too early')
      return byte
    },
    slice(start, end) {
      const bytes = Buffer.alloc(end - start)
      if (readSync(file, bytes, 0, bytes.length, start) < bytes.length)
        throw new Error('the file ends too early')
      return bytes
    },
    close: () => closeSync(file),
  }
}

/** The same of bytes in memory. */
export const openBytes = (bytes: Buffer): ByteSource => ({
  size: bytes.byteLength,
  byteAt(position) {
    const byte = bytes[position]
    if (byte === undefined) throw new Error('the file ends too early')
    return byte
  },
  slice: (start, end) => bytes.subarray(start, end),
  close: () => undefined,
})

/** One field of a protobuf message: a number, or a range of bytes. `from` is where its tag begins. */
export type Field = Readonly<
  { number: number; from: number } & (
    | { kind: 'varint'; value: bigint }
    | { kind: 'bytes'; start: number; end: number }
    | { kind: 'fixed'; start: number; end: number }
  )
>

/** The fields of the message in `[start, end)`, in order (protobuf.dev/programming-guides/encoding). Throws when they are not a message. */
export function* fieldsOf(source: ByteSource, start: number, end: number): Generator<Field> {
  let at = start
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= end) throw new Error('the file ends too early')
      const byte = source.byteAt(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new Error('a number is too long')
  }
  while (at < end) {
    const from = at
    const tag = Number(varint())
    const number = tag >>> 3
    if (number === 0) throw new Error('a field has no number')
    switch (tag & 7) {
      case 0:
        yield { kind: 'varint', number, from, value: varint() }
        break
      case 1:
      case 5: {
        const length = (tag & 7) === 1 ? 8 : 4
        if (at + length > end) throw new Error('the file ends too early')
        yield { kind: 'fixed', number, from, start: at, end: at + length }
        at += length
        break
      }
      case 2: {
        const length = Number(varint())
        if (at + length > end) throw new Error('the file ends too early')
        const begin = at
        at += length // before the yield: a consumer may stop reading the inner message anywhere
        yield { kind: 'bytes', number, from, start: begin, end: begin + length }
        break
      }
      default:
        throw new Error(`unknown wire type ${tag & 7}`)
    }
  }
}

/** Text of a bytes field. `most` guards against a field that claims to be text and is not. */
export function textOf(source: ByteSource, field: Field, most = 1_000_000): string {
  if (field.kind !== 'bytes') throw new Error(`field ${field.number} is not text`)
  if (field.end - field.start > most) throw new Error(`field ${field.number} is too long`)
  return source.slice(field.start, field.end).toString('utf8')
}

export function numberOf(field: Field): number {
  if (field.kind !== 'varint') throw new Error(`field ${field.number} is not a number`)
  return Number(BigInt.asIntN(64, field.value))
}
