import { fail } from '../../platform/errors.ts'
import type { ModelSpec, TensorSpec } from './runtime.ts'
import { elementCount, rowsOf, type Tensor } from './tensor.ts'

/** The tensors in the model's order, and how many rows they hold. Throws `request.invalid` naming the first that does not fit. */
export function checkInputs(
  spec: ModelSpec,
  tensors: readonly Tensor[]
): { inputs: Tensor[]; rows: number } {
  if (spec.isOpen === true) {
    const [first] = tensors
    if (first === undefined) throw fail('request.invalid', 'There are no inputs')
    return { inputs: [...tensors], rows: rowsOf(first) }
  }
  if (tensors.length !== spec.inputs.length) throw wrongNames(spec, tensors)
  const inputs = spec.inputs.map((input) => {
    const tensor = tensors.find((candidate) => candidate.name === input.name)
    if (tensor === undefined) throw wrongNames(spec, tensors)
    checkTensor(input, tensor)
    return tensor
  })
  const [first, ...others] = inputs
  const rows = first === undefined ? 1 : rowsOf(first)
  for (const [i, tensor] of others.entries()) {
    const isBatch = spec.inputs[0]?.shape[0] === -1 && spec.inputs[i + 1]?.shape[0] === -1
    if (isBatch && rowsOf(tensor) !== rows)
      throw fail(
        'request.invalid',
        `input "${tensor.name}" has ${rowsOf(tensor)} rows and "${first?.name ?? ''}" has ${rows}`
      )
  }
  return { inputs, rows }
}

function checkTensor(spec: TensorSpec, tensor: Tensor): void {
  if (tensor.datatype !== spec.datatype)
    throw fail(
      'request.invalid',
      `inference input "${tensor.name}" data-type is ${tensor.datatype}, but the model expects ${spec.datatype}`
    )
  if (elementCount(tensor.name, tensor.shape) !== tensor.data.length)
    throw fail(
      'request.invalid',
      `input "${tensor.name}" has ${tensor.data.length} elements, and its shape [${tensor.shape.join(',')}] says otherwise`
    )
  const fits =
    spec.shape.length === 0 ||
    (spec.shape.length === tensor.shape.length &&
      spec.shape.every((dim, axis) => dim === -1 || dim === tensor.shape[axis]))
  if (!fits)
    throw fail(
      'request.invalid',
      `unexpected shape for input "${tensor.name}": expected [${spec.shape.join(',')}], got [${tensor.shape.join(',')}]`
    )
  if (tensor.data.length === 0) throw fail('request.invalid', `input "${tensor.name}" is empty`)
}

function wrongNames(spec: ModelSpec, tensors: readonly Tensor[]) {
  const expected = spec.inputs.map((input) => input.name)
  const given = tensors.map((tensor) => tensor.name)
  const unknown = given.find((name) => !expected.includes(name))
  const why =
    unknown !== undefined
      ? `unexpected inference input "${unknown}"`
      : `expected ${expected.length} inputs but got ${given.length}`
  return fail('request.invalid', `${why}; the model takes ${expected.join(', ')}`)
}
