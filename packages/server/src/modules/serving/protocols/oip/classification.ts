import { fail } from '../../../../platform/errors.ts'
import { elementAt, rowsOf, type Tensor } from '../../tensor.ts'

/**
 * Triton's classification extension: of each row the `count` largest values, largest first, as texts `value:index`.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
 */
export function classify(tensor: Tensor, count: number): Tensor {
  const { name, datatype } = tensor
  if (datatype === 'BYTES' || datatype === 'BOOL')
    throw fail('request.invalid', `output "${name}" is ${datatype}, and classes need numbers`)
  const rows = tensor.shape.length > 1 ? rowsOf(tensor) : 1
  const width = rows === 0 ? 0 : tensor.data.length / rows
  const kept = Math.min(count, width)
  const data: string[] = []
  for (let row = 0; row < rows; row++) {
    const values = Array.from({ length: width }, (_, i) =>
      Number(elementAt(tensor, row * width + i))
    )
    const order = values.map((_, i) => i).toSorted((a, b) => descending(values[a], values[b]))
    for (const i of order.slice(0, kept)) data.push(`${(values[i] ?? NaN).toFixed(6)}:${i}`)
  }
  return { name, datatype: 'BYTES', shape: tensor.shape.length > 1 ? [rows, kept] : [kept], data }
}

/** NaN is no class: it comes last. */
function descending(a = NaN, b = NaN): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  return Number.isNaN(b) ? -1 : b - a
}
