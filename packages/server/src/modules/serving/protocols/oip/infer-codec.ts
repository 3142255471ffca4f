import { fail } from '../../../../platform/errors.ts'
import type { InferenceAnswer } from '../../inference-request.ts'
import { isRecord } from '../../named-inputs.ts'
import { isDatatype, type Tensor } from '../../tensor.ts'
import { parseExactJson } from '../exact-json.ts'
import { classify } from './classification.ts'
import { fromBytes, fromJsonData, toBytes, toJsonData, type TensorHead } from './tensor-codec.ts'

/** An output that a caller asked for. */
/** With `classes`, its largest values come instead of it. */
export type WantedOutput = Readonly<{ name: string; isBinary: boolean; classes?: number | null }>

export type InferCall = Readonly<{
  id: string | null
  inputs: readonly Tensor[]
  /** Null: every output, binary when `isBinary`. */
  outputs: readonly WantedOutput[] | null
  isBinary: boolean
  timeoutMs: number | null
  /** 1 goes before 2, and so on; left out, in the middle. */
  priority?: number | null
}>

/**
 * An infer request of the Open Inference Protocol. `headerLength` is that of its JSON when binary tensors follow (the header
 * `Inference-Header-Content-Length`), null when the body is all JSON. Throws `request.malformed` and `request.invalid`.
 */
export function readInferCall(body: Buffer, headerLength: number | null): InferCall {
  const jsonLength = headerLength ?? body.byteLength
  if (!Number.isInteger(jsonLength) || jsonLength < 0 || jsonLength > body.byteLength)
    throw fail(
      'request.invalid',
      `inference header size should be in range (0, ${body.byteLength}), got: ${jsonLength}`
    )
  const call = parseExactJson(body.subarray(0, jsonLength))
  if (!isRecord(call) || !Array.isArray(call['inputs']))
    throw fail('request.invalid', 'the request must be an object with a list "inputs"')
  const parameters = recordOf(call['parameters'], 'parameters')
  checkParameters(Object.keys(parameters))
  const isBinary = parameters['binary_data_output'] === true
  const blobs = { bytes: body.subarray(jsonLength), at: 0 }
  const names = new Set<string>()
  const inputs = call['inputs'].map((input: unknown) => {
    const tensor = readInput(input, blobs)
    if (names.has(tensor.name))
      throw fail('request.invalid', `input "${tensor.name}" is given twice`)
    names.add(tensor.name)
    return tensor
  })
  if (blobs.at !== blobs.bytes.byteLength)
    throw fail(
      'request.invalid',
      `unexpected additional input data: ${blobs.bytes.byteLength - blobs.at} bytes belong to no input`
    )
  return {
    id: readId(call['id']),
    inputs,
    outputs: readOutputs(call['outputs'], isBinary),
    isBinary,
    timeoutMs: readTimeout(parameters['timeout']),
    priority: readPriority(parameters['priority']),
  }
}

/** Tensors whose data is all JSON. Throws `request.invalid`. */
export const readTensors = (list: readonly unknown[]): Tensor[] =>
  list.map((tensor) => readInput(tensor, { bytes: Buffer.alloc(0), at: 0 }))

/** Triton keeps these names for itself and refuses them from callers; so do we, so that nobody counts on them. */
export function checkParameters(names: readonly string[]): void {
  const reserved = names.find((name) => name.startsWith('triton_'))
  if (reserved !== undefined)
    throw fail(
      'request.invalid',
      `parameter keys starting with 'triton_' are reserved: '${reserved}'`
    )
}

function readInput(input: unknown, blobs: { bytes: Buffer; at: number }): Tensor {
  if (!isRecord(input)) throw fail('request.invalid', 'every input must be an object')
  const { name, datatype, shape, data } = input
  if (typeof name !== 'string' || name === '')
    throw fail('request.invalid', 'every input must have a "name"')
  if (!isDatatype(datatype))
    throw fail('request.invalid', `input "${name}" has no known "datatype"`)
  if (!Array.isArray(shape)) throw fail('request.invalid', `input "${name}" must have a "shape"`)
  const head: TensorHead = { name, datatype, shape: shape as readonly number[] } // elementCount checks each
  const parameters = recordOf(input['parameters'], `the parameters of "${name}"`)
  const size = parameters['binary_data_size']
  if (size === undefined) {
    if (!Array.isArray(data))
      throw fail('request.invalid', `input "${name}" must have a list "data"`)
    return fromJsonData(head, data)
  }
  if (data !== undefined)
    throw fail('request.invalid', `input "${name}" has both "data" and "binary_data_size"`)
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
    throw fail('request.invalid', `input "${name}": binary_data_size must be a whole number`)
  const end = blobs.at + size
  if (end > blobs.bytes.byteLength)
    throw fail(
      'request.invalid',
      `unexpected size for input "${name}", expecting ${end - blobs.bytes.byteLength} additional bytes`
    )
  const bytes = blobs.bytes.subarray(blobs.at, end)
  blobs.at = end
  return fromBytes(head, bytes)
}

function readOutputs(outputs: unknown, isBinary: boolean): WantedOutput[] | null {
  if (outputs === undefined || outputs === null) return null
  if (!Array.isArray(outputs)) throw fail('request.invalid', '"outputs" must be a list')
  if (outputs.length === 0) return null
  return outputs.map((output: unknown) => {
    if (!isRecord(output) || typeof output['name'] !== 'string')
      throw fail('request.invalid', 'every output must be an object with a "name"')
    const { binary_data: own, classification } = recordOf(
      output['parameters'],
      `the parameters of "${output['name']}"`
    )
    return {
      name: output['name'],
      isBinary: typeof own === 'boolean' ? own : isBinary,
      classes: readClasses(classification),
    }
  })
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  if (isRecord(value)) return value
  throw fail('request.invalid', `${what} must be an object`)
}

function readId(id: unknown): string | null {
  if (id === undefined || id === null) return null
  if (typeof id === 'string') return id
  throw fail('request.invalid', '"id" must be a text')
}

/** The schedule-policy extension's `timeout`, in microseconds; 0 means none. */
export function readTimeout(timeout: unknown): number | null {
  if (timeout === undefined || timeout === null) return null
  if (typeof timeout === 'number' && timeout >= 0) return timeout === 0 ? null : timeout / 1000
  throw fail('request.invalid', 'the parameter "timeout" must be a number of microseconds')
}

/** The schedule-policy extension's `priority`: 1 is the highest, 0 the default. */
export function readPriority(priority: unknown): number | null {
  if (priority === undefined || priority === null || priority === 0) return null
  if (typeof priority === 'number' && Number.isSafeInteger(priority) && priority > 0)
    return priority
  throw fail('request.invalid', 'the parameter "priority" must be a whole number')
}

/** The classification extension's number of classes; 0 means the whole tensor. */
export function readClasses(count: unknown): number | null {
  if (count === undefined || count === null || count === 0) return null
  if (typeof count === 'number' && Number.isInteger(count) && count > 0) return count
  throw fail('request.invalid', 'the parameter "classification" must be a whole number')
}

/** The outputs that were asked for, in the order they were asked in. Throws `request.invalid` for one the model does not have. */
export function selectOutputs(
  outputs: readonly Tensor[],
  call: Pick<InferCall, 'outputs' | 'isBinary'>
): { tensor: Tensor; isBinary: boolean }[] {
  if (call.outputs === null) return outputs.map((tensor) => ({ tensor, isBinary: call.isBinary }))
  return call.outputs.map(({ name, isBinary, classes = null }) => {
    const tensor = outputs.find((output) => output.name === name)
    if (tensor === undefined)
      throw fail(
        'request.invalid',
        `unexpected inference output "${name}"; the model does not have it`
      )
    return { tensor: classes === null ? tensor : classify(tensor, classes), isBinary }
  })
}

/** The body of an answer; `headerLength` is null when it is all JSON. */
export function writeInferAnswer(
  endpoint: string,
  call: InferCall,
  answer: InferenceAnswer
): { body: string | Buffer; headerLength: number | null } {
  const blobs: Uint8Array[] = []
  let outputs = ''
  for (const { tensor, isBinary } of selectOutputs(answer.outputs, call)) {
    const { name, datatype, shape } = tensor
    const head = `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`
    if (outputs !== '') outputs += ','
    if (isBinary) {
      const bytes = toBytes(tensor)
      blobs.push(bytes)
      outputs += `${head},"parameters":{"binary_data_size":${bytes.byteLength}}}`
    } else outputs += `${head},"data":${toJsonData(tensor)}}`
  }
  const id = call.id === null ? '' : `"id":${JSON.stringify(call.id)},`
  const json = `{${id}"model_name":${JSON.stringify(endpoint)},"model_version":"${answer.model.version}","outputs":[${outputs}]}`
  if (blobs.length === 0) return { body: json, headerLength: null }
  const header = Buffer.from(json, 'utf8')
  return { body: Buffer.concat([header, ...blobs]), headerLength: header.byteLength }
}
