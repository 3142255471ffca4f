import { stripTypeScriptTypes } from 'node:module'
import type { ScriptSpec } from '@trestle/contract'
import { messageOf } from '../../../../kernel/errors.ts'
import { fail } from '../../../../platform/errors.ts'
import { isRecord } from '../../named-inputs.ts'
import { fromJsonData } from '../../protocols/oip/tensor-codec.ts'
import type { LoadedModel, TensorSpec } from '../../runtime.ts'
import { elementAt, isDatatype, rowsOf, type Tensor } from '../../tensor.ts'
import { startScript } from '../../../../platform/script/index.ts'

/** Models written as code, each in a process of its own. */
export interface Scripts {
  /** Throws `serving.model_load_failed` when the module has errors or lacks a part. */
  open(spec: ScriptSpec): Promise<LoadedModel>
}

/** Scripts may say `import { defineModel } from '@trestle/sdk'`, for their author's editor; where they run there are no packages. */
const OWN_IMPORT = /^\s*import\s+\{[^}]*\}\s+from\s+['"]@trestle\/sdk['"];?/m
const DEFINE_MODEL = 'const defineModel = (model) => model;'

export function createScripts(settings: { isAllowed: boolean }): Scripts {
  return {
    async open({ name, source, timeoutMs, memoryMb }) {
      if (!settings.isAllowed)
        throw fail('serving.model_load_failed', 'Scripts are turned off (TRESTLE_SCRIPTS=off)')
      try {
        const code = stripTypeScriptTypes(source.replace(OWN_IMPORT, ''))
        const script = await startScript({
          source: `${DEFINE_MODEL}${code}`,
          timeoutMs,
          memoryMb,
        })
        try {
          return serve(script)
        } catch (error) {
          script.close()
          throw error
        }
      } catch (error) {
        throw fail(
          'serving.model_load_failed',
          `The script "${name}" does not load: ${messageOf(error)}`,
          { cause: error }
        )
      }
    },
  }
}

function serve(script: Awaited<ReturnType<typeof startScript>>): LoadedModel {
  const inputs = specsOf(script.inputs, 'inputs')
  const outputs = specsOf(script.outputs, 'outputs')
  return {
    spec: { platform: 'trestle_script', inputs, outputs },
    device: 'cpu',
    isInline: false,
    async infer(tensors, { caller }) {
      const rows = toRows(tensors)
      const answer = await script.predict(rows, caller.requestId)
      return toTensors(answer, outputs, rows.length)
    },
    close: async () => script.close(),
  }
}

/** `{ amount: 'FP32', pixels: { datatype: 'UINT8', shape: [28, 28] } }`: shapes are of one row. */
function specsOf(declared: unknown, what: string): TensorSpec[] {
  if (!isRecord(declared) || Object.keys(declared).length === 0)
    throw new Error(`it must declare its ${what}, such as ${what}: { amount: 'FP32' }`)
  return Object.entries(declared).map(([name, value]) => {
    const { datatype, shape = [] } = isRecord(value) ? value : { datatype: value }
    if (!isDatatype(datatype)) throw new Error(`"${name}" of its ${what} has no known datatype`)
    if (!Array.isArray(shape) || !shape.every((dim) => Number.isInteger(dim)))
      throw new Error(`the shape of "${name}" must be a list of whole numbers`)
    return { name, datatype, shape: [-1, ...(shape as number[])] } // checked above
  })
}

/** Rows of plain values, which are what rules are written over. */
function toRows(tensors: readonly Tensor[]): Record<string, unknown>[] {
  const [first] = tensors
  const count = first === undefined ? 0 : rowsOf(first)
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(tensors.map((tensor) => [tensor.name, valueOf(tensor, row, count)]))
  )
}

function valueOf(tensor: Tensor, row: number, count: number): unknown {
  const width = tensor.data.length / count
  const inner = tensor.shape.slice(1)
  const values = Array.from({ length: width }, (_, i) => elementAt(tensor, row * width + i))
  if (inner.length === 0 || width === 1) return values[0]
  return nest(values, inner)
}

function nest(values: readonly unknown[], shape: readonly number[]): unknown {
  const [length = 0, ...inner] = shape
  if (inner.length === 0) return values
  const step = values.length / length
  return Array.from({ length }, (_, i) => nest(values.slice(i * step, (i + 1) * step), inner))
}

function toTensors(answer: unknown, outputs: readonly TensorSpec[], count: number): Tensor[] {
  if (!Array.isArray(answer) || answer.length !== count || !answer.every(isRecord))
    throw new Error(`predict must return a list of ${count} objects, one for each row`)
  return outputs.map((spec) => {
    const values = answer.map((row, i) => {
      const value = row[spec.name]
      if (value === undefined) throw new Error(`row ${i} of its answer has no "${spec.name}"`)
      return value
    })
    const shape: number[] = []
    for (let at: unknown = values; Array.isArray(at); at = (at as unknown[])[0])
      shape.push(at.length)
    return fromJsonData({ ...spec, shape }, values)
  })
}
