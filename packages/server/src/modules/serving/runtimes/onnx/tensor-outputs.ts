/**
 * ONNX Runtime for Node gives tensors only. A graph whose outputs are maps or sequences is rewritten so that it gives what they are made of: of scikit-learn's
 * ZipMap the matrix that it zips, with the class of each column; of a sequence of tensors the tensors stacked. Field numbers are those of onnx/onnx.proto3.
 */
import {
  bytesField,
  fieldsOf,
  numberField,
  numberOf,
  openBytes,
  textField,
  textOf,
  type ByteSource,
  type Field,
} from '../../../../platform/protobuf/index.ts'

/** An output under the name that callers know, and the tensor that stands for it. */
export type OutputSource = Readonly<{ fetch: string; labels?: readonly string[] }>

export type TensorGraph = Readonly<{ model: Buffer; sources: ReadonlyMap<string, OutputSource> }>

const FLOAT = 1
const INT_ATTRIBUTE = 2

/** Throws with the reason when an output can't be given as a tensor. */
export function withTensorOutputs(model: Buffer): TensorGraph {
  const source = openBytes(model)
  const sources = new Map<string, OutputSource>()
  const parts: Buffer[] = []
  for (const { field, bytes } of piecesOf(source, { start: 0, end: source.size }))
    parts.push(
      field.number === 7 && field.kind === 'bytes'
        ? bytesField(7, ...rewriteGraph(source, field, sources))
        : bytes
    )
  return { model: Buffer.concat(parts), sources }
}

type Range = Readonly<{ start: number; end: number }>

function rewriteGraph(
  source: ByteSource,
  graph: Range,
  sources: Map<string, OutputSource>
): Buffer[] {
  const pieces = [...piecesOf(source, graph)]
  const producers = new Map<string, Node>()
  for (const { field } of pieces) {
    if (field.number !== 1) continue
    const node = readNode(source, field)
    if (node.type === 'ZipMap') for (const name of node.outputs) producers.set(name, node)
  }
  const taken = new Set(
    pieces.filter(({ field }) => field.number === 12).map(({ field }) => nameOf(source, field))
  )
  const added: Buffer[] = []
  const replaced = new Set<string>()
  const outputs = pieces.flatMap(({ field, bytes }) => {
    if (field.number !== 12) return []
    const name = nameOf(source, field)
    const type = typeField(source, field)
    if (type?.number === 1) return [bytes]
    const zip = producers.get(name)
    const [zipped] = zip?.inputs ?? []
    if (zip !== undefined && zipped !== undefined) {
      replaced.add(name)
      sources.set(name, { fetch: zipped, labels: zip.labels })
      return taken.has(zipped) ? [] : [bytesField(12, ...matrixInfo(zipped, zip.labels.length))]
    }
    const element = type?.number === 4 ? tensorElement(source, type) : null
    if (element === null)
      throw new Error(`"${name}" is neither a tensor, a list of tensors, nor what a ZipMap gives`)
    const fetch = `${name}/stacked`
    sources.set(name, { fetch })
    added.push(bytesField(1, ...stackNode(name, fetch)))
    return [
      bytesField(12, textField(1, fetch), bytesField(2, bytesField(1, numberField(1, element)))),
    ]
  })
  const kept = pieces
    .filter(({ field }) => field.number !== 12)
    // A ZipMap that nothing asks for any more would only cost time.
    .filter(({ field }) => field.number !== 1 || !isReplaced(source, field, replaced))
    .map(({ bytes }) => bytes)
  return [...kept, ...added, ...outputs]
}

type Node = Readonly<{ type: string; inputs: string[]; outputs: string[]; labels: string[] }>

function readNode(source: ByteSource, within: Field): Node {
  const node = { type: '', inputs: [] as string[], outputs: [] as string[], labels: [] as string[] }
  const attributes: Field[] = []
  for (const field of inside(source, within)) {
    if (field.number === 1) node.inputs.push(textOf(source, field))
    if (field.number === 2) node.outputs.push(textOf(source, field))
    if (field.number === 4) node.type = textOf(source, field)
    if (field.number === 5) attributes.push(field)
  }
  if (node.type === 'ZipMap') node.labels = attributes.flatMap((field) => readLabels(source, field))
  return node
}

/** `classlabels_int64s` or `classlabels_strings` of a ZipMap. */
function readLabels(source: ByteSource, attribute: Field): string[] {
  const labels: string[] = []
  for (const field of inside(source, attribute)) {
    if (field.number === 9) labels.push(textOf(source, field))
    if (field.number === 8 && field.kind === 'varint') labels.push(String(numberOf(field)))
    if (field.number === 8 && field.kind === 'bytes') labels.push(...packedNumbers(source, field))
  }
  return labels
}

/** Numbers packed end to end, read as if each were a field of its own. */
function packedNumbers(source: ByteSource, { start, end }: Range): string[] {
  const tagged: number[] = []
  let isStart = true
  for (let at = start; at < end; at++) {
    if (isStart) tagged.push(8)
    tagged.push(source.byteAt(at))
    isStart = source.byteAt(at) < 128
  }
  return [...fieldsOf(openBytes(Buffer.from(tagged)), 0, tagged.length)].map((field) =>
    String(numberOf(field))
  )
}

const isReplaced = (source: ByteSource, field: Field, replaced: ReadonlySet<string>): boolean => {
  const { type, outputs } = readNode(source, field)
  return type === 'ZipMap' && outputs.every((name) => replaced.has(name))
}

/** ValueInfoProto of floats `[any, width]`. */
const matrixInfo = (name: string, width: number): Buffer[] => [
  textField(1, name),
  bytesField(
    2,
    bytesField(
      1,
      numberField(1, FLOAT),
      bytesField(2, bytesField(1, textField(2, 'rows')), bytesField(1, numberField(1, width)))
    )
  ),
]

const stackNode = (input: string, output: string): Buffer[] => [
  textField(1, input),
  textField(2, output),
  textField(4, 'ConcatFromSequence'),
  intAttribute('axis', 0),
  intAttribute('new_axis', 1),
]

const intAttribute = (name: string, value: number): Buffer =>
  bytesField(5, textField(1, name), numberField(3, value), numberField(20, INT_ATTRIBUTE))

/** The element type of a sequence of tensors; null for a sequence of something else. */
function tensorElement(source: ByteSource, sequence: Field): number | null {
  for (const item of inside(source, sequence))
    for (const kind of inside(source, item))
      if (kind.number === 1)
        for (const field of inside(source, kind)) if (field.number === 1) return numberOf(field)
  return null
}

/** Of a ValueInfoProto: the kind of its type, which is 1 for a tensor, 4 for a sequence, 5 for a map. */
function typeField(source: ByteSource, info: Field): Field | null {
  for (const field of inside(source, info))
    if (field.number === 2)
      for (const kind of inside(source, field))
        if (kind.kind === 'bytes' && kind.number < 10 && kind.number !== 6) return kind
  return null
}

function nameOf(source: ByteSource, info: Field): string {
  for (const field of inside(source, info)) if (field.number === 1) return textOf(source, field)
  return ''
}

function inside(source: ByteSource, field: Field): Generator<Field> {
  if (field.kind !== 'bytes') throw new Error(`field ${field.number} is not a message`)
  return fieldsOf(source, field.start, field.end)
}

/** Every field of a message with its bytes as they are, tag and all. */
function* piecesOf(
  source: ByteSource,
  { start, end }: Range
): Generator<{ field: Field; bytes: Buffer }> {
  const fields = [...fieldsOf(source, start, end)]
  for (const [i, field] of fields.entries())
    yield { field, bytes: source.slice(field.from, fields[i + 1]?.from ?? end) }
}
