/** ONNX files of a wanted size, written by hand: weights are all that matters of them. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
import protobuf from 'protobufjs'

const FLOAT = 1
const INT64 = 7
type Writer = protobuf.Writer
type Value = Readonly<{ name: string; type: number; shape: readonly (number | 'N')[] }>
type Node = Readonly<{ op: string; inputs: readonly string[]; output: string }>
type Weights = Readonly<{ name: string; shape: readonly number[]; data: Float32Array }>

/** `layers` square matrices of `width`, one after another. They are identities, so that no value ever vanishes or grows. */
export function denseModel({ width, layers }: { width: number; layers: number }): Uint8Array {
  const weights = Array.from({ length: layers }, (_, i) => ({
    name: `w${i}`,
    shape: [width, width],
    data: identity(width),
  }))
  const nodes = weights.map(({ name }, i) => ({
    op: 'MatMul',
    inputs: [i === 0 ? 'x' : `h${i - 1}`, name],
    output: i === layers - 1 ? 'y' : `h${i}`,
  }))
  const shape = ['N', width] as const
  return model(nodes, weights, [
    { name: 'x', type: FLOAT, shape },
    { name: 'y', type: FLOAT, shape },
  ])
}

/** A table of `bytes`, of which a row is looked up. */
export function lookupModel(bytes: number): Uint8Array {
  const rows = Math.floor(bytes / 256)
  const table = { name: 'table', shape: [rows, 64], data: filled(rows * 64, 0.5) }
  return model(
    [{ op: 'Gather', inputs: ['table', 'x'], output: 'y' }],
    [table],
    [
      { name: 'x', type: INT64, shape: ['N'] },
      { name: 'y', type: FLOAT, shape: ['N', 64] },
    ]
  )
}

/** Gives back what it is given. */
export const identityModel = (): Uint8Array =>
  model(
    [{ op: 'Identity', inputs: ['x'], output: 'y' }],
    [],
    [
      { name: 'x', type: FLOAT, shape: ['N', 'N'] },
      { name: 'y', type: FLOAT, shape: ['N', 'N'] },
    ]
  )

function identity(width: number): Float32Array {
  const data = new Float32Array(width * width)
  for (let i = 0; i < width; i++) data[i * (width + 1)] = 1
  return data
}

function filled(length: number, scale: number): Float32Array {
  const data = new Float32Array(length)
  for (let i = 0; i < length; i++) data[i] = ((i % 7) - 3) * scale
  return data
}

function model(
  nodes: readonly Node[],
  weights: readonly Weights[],
  [input, output]: readonly [Value, Value]
): Uint8Array {
  const writer = protobuf.Writer.create()
  writer.uint32(8).int32(8) // ir_version
  nested(writer, 8, (opset) => opset.uint32(16).int32(17)) // opset_import.version
  nested(writer, 7, (graph) => {
    for (const { op, inputs, output: to } of nodes)
      nested(graph, 1, (node) => {
        for (const from of inputs) node.uint32(10).string(from)
        node.uint32(18).string(to)
        node.uint32(34).string(op)
      })
    graph.uint32(18).string('g')
    for (const { name, shape, data } of weights)
      nested(graph, 5, (tensor) => {
        for (const dim of shape) tensor.uint32(8).int64(dim)
        tensor.uint32(16).int32(FLOAT)
        tensor.uint32(66).string(name)
        tensor.uint32(74).bytes(new Uint8Array(data.buffer))
      })
    value(graph, 11, input)
    value(graph, 12, output)
  })
  return writer.finish()
}

const value = (graph: Writer, field: number, { name, type, shape }: Value): void =>
  nested(graph, field, (info) => {
    info.uint32(10).string(name)
    nested(info, 2, (outer) =>
      nested(outer, 1, (tensor) => {
        tensor.uint32(8).int32(type)
        nested(tensor, 2, (dims) => {
          for (const [i, dim] of shape.entries())
            nested(dims, 1, (one) =>
              dim === 'N' ? one.uint32(18).string(`N${i}`) : one.uint32(8).int64(dim)
            )
        })
      })
    )
  })

function nested(writer: Writer, field: number, write: (inner: Writer) => unknown): void {
  writer.uint32((field << 3) | 2).fork()
  write(writer)
  writer.ldelim()
}
