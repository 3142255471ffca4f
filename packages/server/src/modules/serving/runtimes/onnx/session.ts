import { readFile } from 'node:fs/promises'
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { ModelSpec, TensorSpec } from '../../runtime.ts'
import type { Datatype, NumericData, Tensor } from '../../tensor.ts'
import { withTensorOutputs, type OutputSource } from './tensor-outputs.ts'

const FROM_ORT: Readonly<Record<string, Datatype>> = {
  bool: 'BOOL',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
}
const TO_ORT = Object.fromEntries(
  Object.entries(FROM_ORT).map(([ort, ours]) => [ours, ort])
) as Record<Datatype, OrtTensor.Type>

/** ONNX Runtime's session over our tensors, on the thread that opened it. */
export interface OnnxSession {
  readonly spec: ModelSpec
  run(inputs: readonly Tensor[]): Promise<Tensor[]>
  release(): Promise<void>
}

export type OnnxFile = Readonly<{ path: string; threads: number }>

/** Opens an ONNX file. Imports the runtime at first use, since it costs 30 MB and tens of milliseconds. */
export async function openSession({ path, threads }: OnnxFile): Promise<OnnxSession> {
  const ort = await import('onnxruntime-node')
  const whole = await ort.InferenceSession.create(path, optionsOf(threads))
  const { session, sources } = whole.outputMetadata.every(({ isTensor }) => isTensor)
    ? { session: whole, sources: new Map<string, OutputSource>() }
    : await openAsTensors(ort.InferenceSession, { path, threads }, whole)
  const given = new Map(session.outputMetadata.map((meta) => [meta.name, meta]))
  const outputs = whole.outputMetadata.map((meta) => outputOf(meta, { sources, given }))
  const fetches = outputs.map(({ fetch }) => fetch)
  return {
    spec: {
      platform: 'onnxruntime_onnx',
      inputs: session.inputMetadata.map(specOf),
      outputs: outputs.map(({ spec }) => spec),
    },
    async run(inputs) {
      const feeds: Record<string, OrtTensor> = {}
      for (const tensor of inputs) feeds[tensor.name] = toOrt(ort.Tensor, tensor)
      const results = await session.run(feeds, fetches)
      return outputs.map((output) => fromOrt(output, results[output.fetch] as OrtTensor)) // every output asked for is there
    },
    release: () => session.release(),
  }
}

const optionsOf = (threads: number): InferenceSession.SessionOptions => ({
  executionProviders: ['cpu'],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
  // Threads that wait in a loop take the cores from everybody else.
  extra: { session: { intra_op: { allow_spinning: '0' } } },
})

/** The same graph with tensors for the maps and sequences among its outputs. */
async function openAsTensors(
  sessions: typeof InferenceSession,
  { path, threads }: OnnxFile,
  whole: InferenceSession
): Promise<{ session: InferenceSession; sources: ReadonlyMap<string, OutputSource> }> {
  await whole.release()
  const { model, sources } = withTensorOutputs(await readFile(path))
  return { session: await sessions.create(model, optionsOf(threads)), sources }
}

type Output = OutputSource & Readonly<{ spec: TensorSpec }>

function outputOf(
  { name }: InferenceSession.ValueMetadata,
  {
    sources,
    given,
  }: {
    sources: ReadonlyMap<string, OutputSource>
    given: ReadonlyMap<string, InferenceSession.ValueMetadata>
  }
): Output {
  const source = sources.get(name) ?? { fetch: name }
  const meta = given.get(source.fetch)
  if (meta === undefined) throw new Error(`the graph has no "${source.fetch}"`)
  return { ...source, spec: { ...specOf(meta), name } }
}

function specOf(meta: InferenceSession.ValueMetadata): TensorSpec {
  if (!meta.isTensor)
    throw new Error(`"${meta.name}" is a map or a list; the input must be a tensor`)
  const datatype = FROM_ORT[meta.type]
  if (datatype === undefined)
    throw new Error(`"${meta.name}" has the type ${meta.type}, which is not supported`)
  return {
    name: meta.name,
    datatype,
    shape: meta.shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
  }
}

function toOrt(OrtTensorClass: typeof OrtTensor, { datatype, shape, data }: Tensor): OrtTensor {
  const type = TO_ORT[datatype]
  // The class turns halves into Float16Array, which its native side (1.30) reads as empty; the native side takes the bits from any object of this shape.
  if (datatype === 'FP16')
    return { type, dims: shape, data, location: 'cpu' } as unknown as OrtTensor
  return new OrtTensorClass(type, data, shape) // the class that the datatype asks for
}

function fromOrt({ spec, labels }: Output, result: OrtTensor): Tensor {
  const datatype = FROM_ORT[result.type] ?? spec.datatype
  const data = result.data as NumericData | readonly string[]
  return {
    name: spec.name,
    datatype,
    shape: result.dims,
    data:
      datatype === 'FP16' && ArrayBuffer.isView(data)
        ? new Uint16Array(data.buffer, data.byteOffset, data.length)
        : data,
    ...(labels === undefined ? {} : { labels }),
  }
}
