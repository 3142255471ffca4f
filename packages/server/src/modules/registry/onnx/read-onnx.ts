/**
 * Reads what an ONNX file says of itself without loading it: the inference library tells neither opset nor producer, and holds
 * the whole model in memory to tell the rest. Field numbers are those of onnx/onnx.proto3.
 */
import type { OnnxSummary, OnnxValue } from './onnx-summary.ts'
import {
  fieldsOf,
  numberOf,
  openFile,
  textOf,
  type ByteSource,
  type Field,
} from '../../../platform/protobuf/index.ts'

const MAX_METADATA = 100_000

/** Throws, with the reason, when the file is not a whole ONNX model. */
export function readOnnx(path: string): OnnxSummary {
  const source = openFile(path)
  try {
    return readModel(source)
  } finally {
    source.close()
  }
}

function readModel(source: ByteSource): OnnxSummary {
  let irVersion = 0
  const producer: string[] = []
  const opsets: Record<string, number> = {}
  const metadata: Record<string, string> = {}
  let graph: Graph | null = null
  for (const field of fieldsOf(source, 0, source.size)) {
    switch (field.number) {
      case 1:
        irVersion = numberOf(field)
        break
      case 2:
      case 3:
        producer.push(textOf(source, field, 10_000))
        break
      case 7:
        graph = readGraph(source, field)
        break
      case 8: {
        const { domain, version } = readOpset(source, field)
        opsets[domain] = version
        break
      }
      case 14: {
        const { key, value } = readEntry(source, field)
        metadata[key] = value
        break
      }
    }
  }
  if (graph === null) throw new Error('it has no graph')
  if (irVersion === 0) throw new Error('it has no IR version')
  if (graph.outputs.length === 0) throw new Error('its graph has no outputs')
  return {
    irVersion,
    opset: opsets['ai.onnx'] ?? null,
    opsets,
    producer: producer.join(' ').trim(),
    // Before IR version 4 weights are listed among the inputs.
    inputs: graph.inputs.filter((input) => !graph.weights.has(input.name)),
    outputs: graph.outputs,
    metadata,
    externalFiles: [...graph.externalFiles].toSorted(),
    nodes: graph.nodes,
  }
}

type Graph = {
  inputs: OnnxValue[]
  outputs: OnnxValue[]
  weights: Set<string>
  externalFiles: Set<string>
  nodes: number
}

function readGraph(source: ByteSource, within: Field): Graph {
  const graph: Graph = {
    inputs: [],
    outputs: [],
    weights: new Set(),
    externalFiles: new Set(),
    nodes: 0,
  }
  for (const field of inside(source, within)) {
    if (field.number === 1) graph.nodes += 1
    if (field.number === 5) readWeight(source, field, graph)
    if (field.number === 11) graph.inputs.push(readValue(source, field))
    if (field.number === 12) graph.outputs.push(readValue(source, field))
  }
  return graph
}

/** TensorProto: its name, and where its bytes are when they are outside. */
function readWeight(source: ByteSource, within: Field, graph: Graph): void {
  for (const field of inside(source, within)) {
    if (field.number === 8) graph.weights.add(textOf(source, field, 10_000))
    if (field.number === 13) {
      const { key, value } = readEntry(source, field)
      if (key === 'location') graph.externalFiles.add(value)
    }
  }
}

/** ValueInfoProto. */
function readValue(source: ByteSource, within: Field): OnnxValue {
  let name = ''
  let type: { type: string; shape: OnnxValue['shape'] } = { type: 'unknown', shape: null }
  for (const field of inside(source, within)) {
    if (field.number === 1) name = textOf(source, field, 10_000)
    if (field.number === 2) type = readType(source, field)
  }
  return { name, ...type }
}

/** TypeProto: a tensor, or a sequence, map or optional of something. */
function readType(
  source: ByteSource,
  within: Field,
  depth = 0
): { type: string; shape: OnnxValue['shape'] } {
  if (depth > 8) throw new Error('a type is nested too deep')
  for (const field of inside(source, within)) {
    if (field.number === 1 || field.number === 8) {
      const tensor = readTensorType(source, field)
      return field.number === 1 ? tensor : { ...tensor, type: `sparse_${tensor.type}` }
    }
    if (field.number === 4 || field.number === 9)
      return {
        type: `${field.number === 4 ? 'sequence' : 'optional'}(${innerType(source, field, { number: 1, depth })})`,
        shape: null,
      }
    if (field.number === 5) {
      let key = 'unknown'
      for (const part of inside(source, field))
        if (part.number === 1) key = elementOf(numberOf(part))
      return { type: `map(${key},${innerType(source, field, { number: 2, depth })})`, shape: null }
    }
  }
  return { type: 'unknown', shape: null }
}

function innerType(
  source: ByteSource,
  within: Field,
  at: { number: number; depth: number }
): string {
  for (const field of inside(source, within))
    if (field.number === at.number && field.kind === 'bytes')
      return readType(source, field, at.depth + 1).type
  return 'unknown'
}

function readTensorType(
  source: ByteSource,
  within: Field
): { type: string; shape: OnnxValue['shape'] } {
  let element = 'unknown'
  let shape: (number | string | null)[] | null = null
  for (const field of inside(source, within)) {
    if (field.number === 1) element = elementOf(numberOf(field))
    if (field.number === 2) {
      const dimensions: (number | string | null)[] = []
      for (const dimension of inside(source, field))
        dimensions.push(readDimension(source, dimension))
      shape = dimensions
    }
  }
  return { type: `tensor(${element})`, shape }
}

function readDimension(source: ByteSource, within: Field): number | string | null {
  for (const field of inside(source, within)) {
    if (field.number === 1) return numberOf(field)
    if (field.number === 2) return textOf(source, field, 10_000) || null
  }
  return null
}

function readOpset(source: ByteSource, within: Field): { domain: string; version: number } {
  let domain = ''
  let version = 0
  for (const field of inside(source, within)) {
    if (field.number === 1) domain = textOf(source, field, 1_000)
    if (field.number === 2) version = numberOf(field)
  }
  return { domain: domain === '' ? 'ai.onnx' : domain, version }
}

function readEntry(source: ByteSource, within: Field): { key: string; value: string } {
  let key = ''
  let value = ''
  for (const field of inside(source, within)) {
    if (field.number === 1) key = textOf(source, field, MAX_METADATA)
    if (field.number === 2) value = textOf(source, field, MAX_METADATA)
  }
  return { key, value }
}

function inside(source: ByteSource, field: Field): Generator<Field> {
  if (field.kind !== 'bytes') throw new Error(`field ${field.number} is not a message`)
  return fieldsOf(source, field.start, field.end)
}

/** TensorProto.DataType. */
const ELEMENTS = [
  'undefined',
  'float',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'double',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
]

const elementOf = (type: number): string => ELEMENTS[type] ?? `type${type}`
