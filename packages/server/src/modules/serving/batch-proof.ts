import { NOBODY } from './caller.ts'
import type { LoadedModel, ModelSpec } from './runtime.ts'
import { sampleInputs } from './sample-inputs.ts'
import { elementAt, rowsOf, sliceRows, type Tensor } from './tensor.ts'

/**
 * Whether requests may share a run: the first axis of every input and output varies, and three rows run together give what they give one by one.
 * The check is needed because a varying first axis is not always a batch (a sequence, a mean over rows), and a wrong guess would mix answers.
 */
export async function canBatch(model: LoadedModel): Promise<boolean> {
  if (!hasBatchAxis(model.spec)) return false
  try {
    for (const seed of [0, 5]) {
      const together = sampleInputs(model.spec, { rows: 3, seed })
      const joint = await model.infer(together, CHECK)
      for (let row = 0; row < 3; row++) {
        const alone = await model.infer(
          together.map((tensor) => sliceRows(tensor, row, 1)),
          CHECK
        )
        if (!alone.every((output, i) => isRow(output, joint[i], row))) return false
      }
    }
    return true
  } catch {
    return false
  }
}

const CHECK = { deadline: Infinity, caller: NOBODY } as const

const hasBatchAxis = (spec: ModelSpec): boolean =>
  [...spec.inputs, ...spec.outputs].every((tensor) => tensor.shape[0] === -1)

function isRow(alone: Tensor, joint: Tensor | undefined, row: number): boolean {
  if (joint === undefined || rowsOf(joint) !== 3 || rowsOf(alone) !== 1) return false
  const other = sliceRows(joint, row, 1)
  if (other.data.length !== alone.data.length) return false
  for (let i = 0; i < alone.data.length; i++)
    if (!isClose(elementAt(alone, i), elementAt(other, i))) return false
  return true
}

/** Kernels for one row and for many add in another order, so the last digits may differ. */
function isClose(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b
  return Object.is(a, b) || Math.abs(a - b) <= 1e-5 + 1e-4 * Math.max(Math.abs(a), Math.abs(b))
}
