import { fail } from '../../../../platform/errors.ts'
import type { InferenceAnswer } from '../../inference-request.ts'
import { isDatatype, type Tensor } from '../../tensor.ts'
import {
  checkParameters,
  readClasses,
  readPriority,
  readTimeout,
  selectOutputs,
  type InferCall,
} from './infer-codec.ts'
import { CONTENTS_FIELD } from './proto.ts'
import { fromBytes, fromJsonData, readText, toBytes, type TensorHead } from './tensor-codec.ts'

/** A whole number of 64 bits: its digits, or an object that gives them as text. */
type Whole = string | Readonly<{ toString(): string }>

/** A parameter as it is read from its message. */
export type GrpcParameter = Readonly<{
  bool_param?: boolean
  int64_param?: Whole
  string_param?: string
  double_param?: number
  uint64_param?: Whole
}>

type Contents = Readonly<Record<string, readonly unknown[]>>

/** The message, as proto-loader or protobufjs itself gives it. */
export type GrpcInferRequest = Readonly<{
  model_name: string
  model_version: string
  id: string
  parameters: Readonly<Record<string, GrpcParameter | null>>
  inputs: readonly Readonly<{
    name: string
    datatype: string
    shape: readonly Whole[]
    contents: Contents | null
  }>[]
  outputs: readonly Readonly<{
    name: string
    parameters?: Readonly<Record<string, GrpcParameter | null>>
  }>[]
  raw_input_contents: readonly Buffer[]
}>

/** An infer request of the protocol from its gRPC message. Throws `request.invalid`. */
export function readGrpcCall(request: GrpcInferRequest): InferCall {
  const raw = request.raw_input_contents
  if (raw.length > 0 && raw.length !== request.inputs.length)
    throw fail(
      'request.invalid',
      `expected ${request.inputs.length} raw_input_contents, one per input, but got ${raw.length}`
    )
  const names = new Set<string>()
  const inputs = request.inputs.map((input, i): Tensor => {
    const { name, datatype, contents } = input
    if (!isDatatype(datatype))
      throw fail('request.invalid', `input "${name}" has no known datatype`)
    if (names.has(name)) throw fail('request.invalid', `input "${name}" is given twice`)
    names.add(name)
    const head: TensorHead = {
      name,
      datatype,
      shape: input.shape.map((dim) => Number(String(dim))),
    }
    const bytes = raw[i]
    if (bytes === undefined) return fromContents(head, contents)
    const isBoth = contents !== null && Object.values(contents).some((list) => list.length > 0)
    if (isBoth)
      throw fail('request.invalid', `input "${name}" has both contents and raw_input_contents`)
    return fromBytes(head, bytes)
  })
  checkParameters(Object.keys(request.parameters))
  const outputs = request.outputs.map(({ name, parameters }) => ({
    name,
    isBinary: true,
    classes: readClasses(wholeOf(parameters?.['classification'])),
  }))
  const { timeout, priority } = request.parameters
  return {
    id: request.id === '' ? null : request.id,
    inputs,
    outputs: outputs.length === 0 ? null : outputs,
    isBinary: true,
    timeoutMs: readTimeout(wholeOf(timeout)),
    priority: readPriority(wholeOf(priority)),
  }
}

// An entry of a map that came without its value has null.
const wholeOf = (parameter: GrpcParameter | null | undefined): number | undefined =>
  parameter === undefined || parameter === null
    ? undefined
    : Number(String(parameter.int64_param ?? parameter.uint64_param ?? NaN))

function fromContents(head: TensorHead, contents: Contents | null): Tensor {
  const field = CONTENTS_FIELD[head.datatype]
  if (field === null)
    throw fail(
      'request.invalid',
      `input "${head.name}": ${head.datatype} goes in raw_input_contents`
    )
  const values = contents?.[field] ?? []
  return fromJsonData(
    head,
    values.map((value) => toValue(head, value))
  )
}

function toValue({ name, datatype }: TensorHead, value: unknown): unknown {
  if (Buffer.isBuffer(value)) return readText(name, value)
  return datatype === 'INT64' || datatype === 'UINT64' ? BigInt(String(value)) : value
}

/** The answer's message: raw contents always, as Triton answers. */
export function writeGrpcAnswer(endpoint: string, call: InferCall, answer: InferenceAnswer) {
  const selected = selectOutputs(answer.outputs, call)
  return {
    model_name: endpoint,
    model_version: String(answer.model.version),
    id: call.id ?? '',
    parameters: {
      trestle_prediction_id: { string_param: answer.predictionId },
      trestle_variant: { string_param: answer.variant },
    },
    outputs: selected.map(({ tensor }) => ({
      name: tensor.name,
      datatype: tensor.datatype,
      shape: tensor.shape,
    })),
    raw_output_contents: selected.map(({ tensor }) => toBytes(tensor)),
  }
}
