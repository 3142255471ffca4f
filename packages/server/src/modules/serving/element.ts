import type { NumericData, Datatype } from './tensor.ts'

type NumericDatatype = Exclude<Datatype, 'BYTES'>

const INT_RANGE: Partial<Record<Datatype, readonly [min: number, max: number]>> = {
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
}
const BIG_RANGE = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
} as const

/**
 * Writes a JSON value as element `at`; false when it does not fit the datatype. Floats take null for NaN, since JSON has no word for it.
 * Whole numbers are never rounded: a fraction or a number out of range does not fit.
 */
export function writeElement(
  target: { datatype: NumericDatatype; data: NumericData },
  at: number,
  value: unknown
): boolean {
  const { data, datatype } = target
  switch (datatype) {
    case 'FP32':
    case 'FP64':
    case 'FP16':
    case 'BF16': {
      const number = toFloat(value)
      if (number === undefined) return false
      data[at] =
        datatype === 'FP16' ? toHalf(number) : datatype === 'BF16' ? toBrain(number) : number
      return true
    }
    case 'INT64':
    case 'UINT64': {
      const [min, max] = BIG_RANGE[datatype]
      const whole = toBigInt(value)
      if (whole === null || whole < min || whole > max) return false
      data[at] = whole
      return true
    }
    case 'BOOL': {
      if (value !== true && value !== false && value !== 0 && value !== 1) return false
      data[at] = Number(value)
      return true
    }
    case 'INT8':
    case 'INT16':
    case 'INT32':
    case 'UINT8':
    case 'UINT16':
    case 'UINT32': {
      const [min, max] = INT_RANGE[datatype] ?? [0, 0]
      const whole = typeof value === 'boolean' || typeof value === 'bigint' ? Number(value) : value
      if (typeof whole !== 'number' || !Number.isInteger(whole) || whole < min || whole > max)
        return false
      data[at] = whole
      return true
    }
  }
}

function toFloat(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (value === null) return NaN
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value)
  return undefined
}

function toBigInt(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null
  return typeof value === 'boolean' ? BigInt(value) : null
}

const scratch = new DataView(new ArrayBuffer(4))

function bitsOf(value: number): number {
  scratch.setFloat32(0, value)
  return scratch.getUint32(0)
}

/** The upper half of a single, rounded to even. */
export function toBrain(value: number): number {
  const bits = bitsOf(value)
  if (Number.isNaN(value)) return 0x7fc0
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

/** The 16 bits of IEEE 754 half precision nearest to a number, ties to even. */
export function toHalf(value: number): number {
  const bits = bitsOf(value)
  const sign = (bits >>> 16) & 0x8000
  if (Number.isNaN(value)) return sign | 0x7e00
  const size = Math.abs(value)
  if (size >= 65_520) return sign | 0x7c00
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24)
  const exponent = ((bits >>> 23) & 0xff) - 127
  const fraction = roundToEven((size / 2 ** exponent - 1) * 1024)
  return sign | (((exponent + 15) << 10) + fraction)
}

function roundToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
