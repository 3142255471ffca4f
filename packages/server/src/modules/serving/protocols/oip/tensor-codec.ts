import { fail } from '../../../../platform/errors.ts'
import { writeElement } from '../../element.ts'
import {
  allocate,
  elementAt,
  ELEMENT_BYTES,
  elementCount,
  view,
  type Datatype,
  type Tensor,
  type TensorData,
} from '../../tensor.ts'
import { writeElementJson } from '../exact-json.ts'

/** What an input says of itself before its data are read. */
export type TensorHead = Readonly<{ name: string; datatype: Datatype; shape: readonly number[] }>

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A tensor from JSON `data`: flat, or nested as its shape says. Throws `request.invalid`. */
export function fromJsonData(head: TensorHead, data: readonly unknown[]): Tensor {
  const count = elementCount(head.name, head.shape)
  const flat = Array.isArray(data[0]) ? data.flat(64) : data
  if (flat.length !== count)
    throw fail(
      'request.invalid',
      `input "${head.name}" has ${flat.length} elements, and its shape [${head.shape.join(',')}] asks for ${count}`
    )
  if (head.datatype === 'BYTES') {
    const wrong = flat.findIndex((value) => typeof value !== 'string')
    if (wrong !== -1) throw misfit(head, wrong)
    return { ...head, data: flat as readonly string[] } // checked above
  }
  const numbers = allocate(head.datatype, count)
  const target = { datatype: head.datatype, data: numbers }
  const isFloat = numbers instanceof Float32Array || numbers instanceof Float64Array
  for (let i = 0; i < count; i++) {
    const value = flat[i]
    if (isFloat && typeof value === 'number') numbers[i] = value
    else if (!writeElement(target, i, value)) throw misfit(head, i)
  }
  return { ...head, data: numbers }
}

const misfit = (head: TensorHead, i: number) =>
  fail('request.invalid', `input "${head.name}": element ${i} is no ${head.datatype}`)

/** A tensor from the bytes of the binary extension: little-endian numbers, or texts with a 4-byte length before each. Throws `request.invalid`. */
export function fromBytes(head: TensorHead, bytes: Uint8Array): Tensor {
  const count = elementCount(head.name, head.shape)
  if (head.datatype === 'BYTES') return { ...head, data: readTexts(head.name, bytes, count) }
  const expected = count * ELEMENT_BYTES[head.datatype]
  if (bytes.byteLength !== expected)
    throw fail(
      'request.invalid',
      `unexpected size for input "${head.name}": its shape asks for ${expected} bytes, and it has ${bytes.byteLength}`
    )
  // Copied: numbers must lie on a multiple of their size, and a body buffer is reused.
  const copy = new ArrayBuffer(expected)
  new Uint8Array(copy).set(bytes)
  const data = view(head.datatype, copy)
  if (head.datatype === 'BOOL' && data.some((value: number | bigint) => value !== 0 && value !== 1))
    throw fail('request.invalid', `input "${head.name}": BOOL bytes must be 0 or 1`)
  return { ...head, data }
}

function readTexts(name: string, bytes: Uint8Array, count: number): string[] {
  const texts: string[] = []
  const lengths = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (texts.length < count) {
    if (at + 4 > bytes.byteLength) throw short(name, count)
    const end = at + 4 + lengths.getUint32(at, true)
    if (end > bytes.byteLength) throw short(name, count)
    texts.push(readText(name, bytes.subarray(at + 4, end)))
    at = end
  }
  if (at !== bytes.byteLength)
    throw fail('request.invalid', `input "${name}" has more bytes than its ${count} elements`)
  return texts
}

/** UTF-8 text; what is not UTF-8 is refused, since the runtime would change it. */
export function readText(name: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw fail('request.invalid', `input "${name}": a BYTES element is not UTF-8`)
  }
}

const short = (name: string, count: number) =>
  fail('request.invalid', `input "${name}" has fewer bytes than its ${count} elements`)

/** The bytes of a tensor in the binary extension. */
export function toBytes({ datatype, data }: Tensor): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (datatype !== 'BYTES') throw new Error('only BYTES has text')
  return writeTexts(data)
}

function writeTexts(texts: readonly string[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const text of texts) {
    const body = Buffer.from(text, 'utf8')
    const length = Buffer.alloc(4)
    length.writeUInt32LE(body.byteLength)
    parts.push(length, body)
  }
  return Buffer.concat(parts)
}

/** A tensor's elements as a flat JSON list. */
export function toJsonData(tensor: Tensor): string {
  const { data, datatype } = tensor
  if (isExactInJson(datatype) && isWholeNumbers(data)) return `[${data.join(',')}]`
  let text = '['
  for (let i = 0; i < data.length; i++)
    text += (i === 0 ? '' : ',') + writeElementJson(elementAt(tensor, i))
  return `${text}]`
}

const isExactInJson = (datatype: Datatype): boolean =>
  datatype.startsWith('INT') || datatype.startsWith('UINT')

const isWholeNumbers = (data: TensorData): data is Exclude<TensorData, readonly string[]> =>
  ArrayBuffer.isView(data)
