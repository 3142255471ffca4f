import type { OnnxValue } from './onnx-summary.ts'

/** A tensor as it travels to the thread that runs the model. */
export type Feed = Readonly<{
  type: keyof typeof ARRAYS | 'string' | 'bool'
  data: ArrayBufferView | readonly string[]
  dims: readonly number[]
}>
export type Feeds = Readonly<Record<string, Feed>>

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
} as const

const TYPES: Readonly<Record<string, Feed['type']>> = {
  'tensor(float)': 'float32',
  'tensor(double)': 'float64',
  'tensor(int8)': 'int8',
  'tensor(int16)': 'int16',
  'tensor(int32)': 'int32',
  'tensor(int64)': 'int64',
  'tensor(uint8)': 'uint8',
  'tensor(uint16)': 'uint16',
  'tensor(uint32)': 'uint32',
  'tensor(uint64)': 'uint64',
  'tensor(bool)': 'bool',
  'tensor(string)': 'string',
}

/** Elements of a made-up input at most: a graph with large fixed shapes is not worth measuring with nothing in it. */
const MOST_ELEMENTS = 64 * 1024 * 1024

/**
 * The tensors that an MLflow input example stands for, as `mlflow.onnx`'s pyfunc makes them: a table is one matrix for a graph of one input and
 * else a column per input; values are cast to the graph's types. Null when the example can't be laid over the graph: it then says nothing.
 */
export function feedsFromExample(example: unknown, inputs: readonly OnnxValue[]): Feeds | null {
  const table = asTable(example)
  if (table !== null) return fromTable(table, inputs)
  const plain = field(example, 'inputs') ?? field(example, 'instances') ?? example
  const [only] = inputs
  if (Array.isArray(plain)) {
    if (inputs.length !== 1 || only === undefined) return null
    const feed = fromNested(plain, only)
    return feed === null ? null : { [only.name]: feed }
  }
  return collect(inputs, (input) => {
    const value = field(plain, input.name)
    return value === undefined ? null : fromNested(value, input)
  })
}

/** One row of zeros (text: empty) in the graph's shapes, open dimensions being 1. Null for types that can't be made up. */
export const madeUpFeeds = (inputs: readonly OnnxValue[]): Feeds | null =>
  collect(inputs, (input) => {
    const dims = (input.shape ?? []).map((n) => (typeof n === 'number' && n > 0 ? n : 1))
    const size = dims.reduce((product, n) => product * n, 1)
    if (size > MOST_ELEMENTS) return null
    return toFeed(
      input,
      Array.from({ length: size }, () => (input.type === 'tensor(string)' ? '' : 0)),
      dims
    )
  })

type Table = { columns: readonly string[]; rows: readonly (readonly unknown[])[] }

function asTable(example: unknown): Table | null {
  const split = field(example, 'dataframe_split') ?? example
  const columns = field(split, 'columns')
  const rows = field(split, 'data')
  if (Array.isArray(columns) && Array.isArray(rows) && rows.every(Array.isArray))
    return { columns: columns.map(String), rows }
  const records = field(example, 'dataframe_records')
  if (!Array.isArray(records) || records.length === 0) return null
  const names = Object.keys((records[0] ?? {}) as object)
  return {
    columns: names,
    rows: records.map((record: unknown) => names.map((name) => field(record, name))),
  }
}

function fromTable({ columns, rows }: Table, inputs: readonly OnnxValue[]): Feeds | null {
  const [only] = inputs
  if (inputs.length === 1 && only !== undefined && !columns.includes(only.name)) {
    const feed = toFeed(only, rows.flat(), [rows.length, columns.length])
    return feed === null ? null : { [only.name]: feed }
  }
  return collect(inputs, (input) => {
    const at = columns.indexOf(input.name)
    if (at < 0) return null
    const values = rows.map((row) => row[at])
    return toFeed(input, values, input.shape?.length === 1 ? [rows.length] : [rows.length, 1])
  })
}

function fromNested(value: unknown, input: OnnxValue): Feed | null {
  const dims: number[] = []
  for (let at = value; Array.isArray(at); at = at[0] as unknown) dims.push(at.length)
  const flat = Array.isArray(value) ? (value.flat(dims.length) as unknown[]) : [value]
  return flat.length === dims.reduce((product, n) => product * n, 1)
    ? toFeed(input, flat, dims)
    : null
}

function toFeed(
  input: OnnxValue,
  values: readonly unknown[],
  dims: readonly number[]
): Feed | null {
  const type = TYPES[input.type]
  if (type === undefined) return null
  if (type === 'string')
    return values.every((v) => typeof v === 'string') ? { type, data: values, dims } : null
  const numbers = values.map((v) => (typeof v === 'boolean' ? Number(v) : v === null ? NaN : v))
  if (!numbers.every((v) => typeof v === 'number')) return null
  if (type === 'bool')
    return { type, data: Uint8Array.from(numbers, (v) => (v === 0 ? 0 : 1)), dims }
  if (type === 'int64' || type === 'uint64') {
    if (!numbers.every(Number.isInteger)) return null
    return { type, data: ARRAYS[type].from(numbers.map(BigInt)), dims }
  }
  return { type, data: ARRAYS[type].from(numbers), dims }
}

/** A feed for every input, or null when one has none. */
function collect(
  inputs: readonly OnnxValue[],
  make: (input: OnnxValue) => Feed | null
): Feeds | null {
  const feeds: Record<string, Feed> = {}
  for (const input of inputs) {
    const feed = make(input)
    if (feed === null) return null
    feeds[input.name] = feed
  }
  return feeds
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
