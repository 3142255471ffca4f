import { fail } from '../../../../platform/errors.ts'
import type { ModelSpec } from '../../runtime.ts'
import { ELEMENT_BYTES } from '../../tensor.ts'
import type { InferCall } from './infer-codec.ts'
import { fromBytes, readText } from './tensor-codec.ts'

/** A raw binary request (`Inference-Header-Content-Length: 0`): the body is the model's one input and nothing else. Throws `request.invalid`. */
export function readRawTensor({ inputs }: ModelSpec, body: Buffer): InferCall {
  const [input] = inputs
  if (input === undefined || inputs.length > 1)
    throw fail('request.invalid', 'a raw binary request needs a model with exactly one input')
  const { name, datatype } = input
  const call = { id: null, outputs: null, isBinary: true, timeoutMs: null }
  if (datatype === 'BYTES') {
    const shape = input.shape.map((dim) => (dim === -1 ? 1 : dim))
    if (shape.some((dim) => dim !== 1))
      throw fail('request.invalid', 'a raw binary request of BYTES needs an input of one element')
    return { ...call, inputs: [{ name, datatype, shape, data: [readText(name, body)] }] }
  }
  const variable = input.shape.filter((dim, axis) => dim === -1 && axis > 0)
  if (variable.length > 1)
    throw fail('request.invalid', 'a raw binary request needs an input with one variable dimension')
  const known = input.shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1)
  const elements = body.byteLength / ELEMENT_BYTES[datatype]
  const size = elements / known
  if (known === 0 || !Number.isInteger(size) || size === 0)
    throw fail('request.invalid', `unexpected size for input "${name}": ${body.byteLength} bytes`)
  // The body is one row when a further axis varies, else as many rows as it has bytes for.
  const open = variable.length === 1 ? input.shape.indexOf(-1, 1) : input.shape.indexOf(-1)
  if (open === -1 && size !== 1)
    throw fail('request.invalid', `unexpected size for input "${name}": ${body.byteLength} bytes`)
  const shape = input.shape.map((dim, axis) => (axis === open ? size : dim === -1 ? 1 : dim))
  return { ...call, inputs: [fromBytes({ name, datatype, shape }, body)] }
}
