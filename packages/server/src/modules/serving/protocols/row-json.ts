import { elementAt, rowsOf, type Tensor } from '../tensor.ts'
import { writeElementJson } from './exact-json.ts'

/** Row `row` of every output by name. An output whose first axis is not the rows is given whole. */
export function rowJson(
  { outputs, rows }: Readonly<{ outputs: readonly Tensor[]; rows: number }>,
  row: number
): string {
  let text = '{'
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i]
    if (output === undefined) continue
    if (i > 0) text += ','
    text += `${JSON.stringify(output.name)}:`
    if (isColumn(output, rows)) {
      text += writeElementJson(elementAt(output, row))
      continue
    }
    text +=
      output.shape.length > 0 && rowsOf(output) === rows
        ? valueJson(output, { axis: 1, from: (row * output.data.length) / Math.max(1, rows) })
        : valueJson(output, { axis: 0, from: 0 })
  }
  return `${text}}`
}

/** Whether it is one bare value per row, as most outputs are. */
const isColumn = ({ shape, data }: Tensor, rows: number): boolean =>
  shape[0] === rows && data.length === rows && (shape.length === 1 || shape.length === 2)

/** Nested lists from `axis` on; the last axis of length 1 is left away behind the rows, so that a column is a bare value. */
export function valueJson(tensor: Tensor, at: { axis: number; from: number }): string {
  const inner = tensor.shape.slice(at.axis)
  const isColumn =
    at.axis > 0 && inner.length === 1 && inner[0] === 1 && tensor.labels === undefined
  if (inner.length === 0 || isColumn)
    return tensor.data.length === 0 ? 'null' : writeElementJson(elementAt(tensor, at.from))
  return nestedJson(tensor, at)
}

function nestedJson(tensor: Tensor, at: { axis: number; from: number }): string {
  const inner = tensor.shape.slice(at.axis)
  if (inner.length === 1 && tensor.labels !== undefined) return mapJson(tensor, at.from)
  const [length = 0] = inner
  const step = inner.slice(1).reduce((product, dim) => product * dim, 1)
  let text = '['
  for (let i = 0; i < length; i++) {
    if (i > 0) text += ','
    text +=
      inner.length === 1
        ? writeElementJson(elementAt(tensor, at.from + i))
        : nestedJson(tensor, { axis: at.axis + 1, from: at.from + i * step })
  }
  return `${text}]`
}

/** The last axis as an object by its labels. */
const mapJson = (tensor: Tensor, from: number): string =>
  `{${(tensor.labels ?? []).map((label, i) => `${JSON.stringify(label)}:${writeElementJson(elementAt(tensor, from + i))}`).join(',')}}`
