import { fail } from '../../platform/errors.ts'

/** Bytes per element of each datatype of the Open Inference Protocol; BYTES varies and is 0 here. */
export const ELEMENT_BYTES = {
  BOOL: 1,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
} as const

export type Datatype = keyof typeof ELEMENT_BYTES

export type NumericData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

/** FP16 and BF16 are kept as their 16 bits, BOOL as bytes 0 and 1, BYTES as text. */
export type TensorData = NumericData | readonly string[]

/** A named tensor in row-major order; `data` has exactly as many elements as `shape` says. */
export type Tensor = Readonly<{
  name: string
  datatype: Datatype
  shape: readonly number[]
  data: TensorData
  /** What each place of the last axis stands for, such as the class of a probability. */
  labels?: readonly string[]
}>

export const isDatatype = (text: unknown): text is Datatype =>
  typeof text === 'string' && Object.hasOwn(ELEMENT_BYTES, text)

/** No tensor of ours has more elements: past 2^31 no runtime takes it. */
const MAX_ELEMENTS = 2 ** 31

/** How many elements a shape from outside has. Throws `request.invalid` when it is no list of whole numbers ≥ 0, or too large. */
export function elementCount(name: string, shape: readonly unknown[]): number {
  let count = 1
  for (const dim of shape) {
    if (typeof dim !== 'number' || !Number.isInteger(dim) || dim < 0)
      throw fail(
        'request.invalid',
        `tensor "${name}": every dimension of its shape must be a whole number of 0 or more`
      )
    count *= dim
    if (count > MAX_ELEMENTS)
      throw fail('request.invalid', `tensor "${name}": the shape has too many elements`)
  }
  return count
}

/** Room for `count` numbers of a datatype. */
export function allocate(datatype: Exclude<Datatype, 'BYTES'>, count: number): NumericData {
  // Asked for by length, small arrays lie beside their object and cost no buffer of their own.
  return new ARRAYS[datatype](count)
}

/** A buffer seen as numbers of a datatype. The buffer's length must be a multiple of the element's. */
export const view = (datatype: Exclude<Datatype, 'BYTES'>, buffer: ArrayBuffer): NumericData =>
  new ARRAYS[datatype](buffer)

const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  INT8: Int8Array,
  INT16: Int16Array,
  UINT16: Uint16Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  INT32: Int32Array,
  UINT32: Uint32Array,
  INT64: BigInt64Array,
  UINT64: BigUint64Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const

/** Rows of a tensor: its first dimension, or 1 for a scalar. */
export const rowsOf = (tensor: Tensor): number => tensor.shape[0] ?? 1

/** Tensors of one name laid end to end along the first axis. All have the same datatype and the same shape but for that axis. */
export function concatRows(parts: readonly [Tensor, ...Tensor[]]): Tensor {
  const [first] = parts
  let rows = 0
  let elements = 0
  for (const part of parts) {
    rows += rowsOf(part)
    elements += part.data.length
  }
  const shape = [rows, ...first.shape.slice(1)]
  const { name, datatype } = first
  if (datatype === 'BYTES')
    return { name, datatype, shape, data: parts.flatMap((part) => part.data as readonly string[]) } // BYTES data is text
  const data = allocate(datatype, elements)
  let at = 0
  for (const part of parts) {
    ;(data as Float64Array).set(part.data as Float64Array, at) // both of one datatype, so of one array class
    at += part.data.length
  }
  return { name, datatype, shape, data }
}

/** Rows `from` to `from + rows` of a tensor, without copying numbers. */
export function sliceRows(tensor: Tensor, from: number, rows: number): Tensor {
  const perRow = tensor.data.length / Math.max(1, rowsOf(tensor))
  const begin = from * perRow
  const end = begin + rows * perRow
  const data = ArrayBuffer.isView(tensor.data)
    ? tensor.data.subarray(begin, end)
    : tensor.data.slice(begin, end)
  return { ...tensor, shape: [rows, ...tensor.shape.slice(1)], data }
}

/** The number that 16 bits of IEEE 754 half precision stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const scratch = new DataView(new ArrayBuffer(4))

/** The number that 16 bits of bfloat16 stand for: the upper half of a single. */
export function fromBrain(bits: number): number {
  scratch.setUint32(0, bits << 16)
  return scratch.getFloat32(0)
}

/** Element `i` as a plain value: booleans for BOOL, numbers for the 16-bit floats. */
export function elementAt(tensor: Tensor, i: number): number | bigint | string | boolean {
  const value = tensor.data[i] ?? 0
  switch (tensor.datatype) {
    case 'BOOL':
      return value !== 0
    case 'FP16':
      return fromHalf(Number(value))
    case 'BF16':
      return fromBrain(Number(value))
    case 'INT8':
    case 'INT16':
    case 'INT32':
    case 'INT64':
    case 'UINT8':
    case 'UINT16':
    case 'UINT32':
    case 'UINT64':
    case 'FP32':
    case 'FP64':
    case 'BYTES':
      return value
  }
}
