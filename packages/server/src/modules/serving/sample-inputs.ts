import type { ModelSpec, TensorSpec } from './runtime.ts'
import { allocate, type Tensor } from './tensor.ts'

/** Made-up inputs that fit a model, for warming up: the same for the same seed; row `i` of a larger sample is row `i` of every sample. */
export function sampleInputs(spec: ModelSpec, sample: { rows: number; seed: number }): Tensor[] {
  return spec.inputs.map((input) => sampleTensor(input, sample))
}

function sampleTensor(spec: TensorSpec, sample: { rows: number; seed: number }): Tensor {
  const { name, datatype } = spec
  const shape = spec.shape.map((dim, axis) => (dim !== -1 ? dim : axis === 0 ? sample.rows : 1))
  const count = shape.reduce((product, dim) => product * dim, 1)
  if (datatype === 'BYTES')
    return {
      name,
      datatype,
      shape,
      data: Array.from({ length: count }, (_, i) => String((i + sample.seed) % 2)),
    }
  const data = allocate(datatype, count)
  const isFloat = datatype === 'FP32' || datatype === 'FP64'
  for (let i = 0; i < count; i++) {
    // Floats differ from row to row, so that a model that mixes rows shows it; whole numbers stay 0 or 1, which most tables have.
    if (data instanceof BigInt64Array || data instanceof BigUint64Array)
      data[i] = BigInt((i + sample.seed) % 2)
    else data[i] = isFloat ? ((i * 7 + sample.seed * 3 + 1) % 11) / 11 : (i + sample.seed) % 2
  }
  return { name, datatype, shape, data }
}
