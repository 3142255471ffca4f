import { z } from 'zod'
import { messageOf } from '../../../../kernel/errors.ts'
import { fail } from '../../../../platform/errors.ts'
import { fromBytes, toBytes } from '../../protocols/oip/tensor-codec.ts'
import type { LoadedModel, TensorSpec } from '../../runtime.ts'
import { isDatatype, type Datatype, type Tensor } from '../../tensor.ts'
import { startPython, type PythonSettings } from './python-process.ts'

export type { PythonSettings }

/** MLflow models without ONNX, each in a Python process of its own. */
export interface PythonModels {
  /** `folder` holds the `MLmodel` file. Throws `serving.model_load_failed` when there is no Python or the model does not load. */
  open(folder: string): Promise<LoadedModel>
}

const answered = z.object({
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.custom<Datatype>(isDatatype),
      shape: z.array(z.int()),
      bytes: z.int(),
    })
  ),
})

export function createPythonModels(settings: PythonSettings): PythonModels {
  const { command } = settings
  return {
    async open(folder) {
      if (command === null)
        throw fail(
          'serving.model_load_failed',
          'The model has no ONNX file. To serve it as an MLflow pyfunc, set TRESTLE_PYTHON to a Python that has mlflow and what the model needs'
        )
      try {
        const python = await startPython({ ...settings, command }, folder)
        const inputs = specsOf(python.loaded.inputs ?? [])
        return {
          spec: {
            platform: 'mlflow_pyfunc',
            inputs,
            outputs: specsOf(python.loaded.outputs),
            isOpen: inputs.length === 0,
          },
          device: 'cpu',
          isInline: false,
          infer: async (tensors) => {
            const parts = tensors.map(toBytes)
            const { head, body } = await python.call({ inputs: tensors.map(headOf(parts)) }, parts)
            return readOutputs(answered.parse(head).outputs, body)
          },
          close: async () => python.close(),
        }
      } catch (error) {
        throw fail('serving.model_load_failed', `The pyfunc does not load: ${messageOf(error)}`, {
          cause: error,
        })
      }
    },
  }
}

const specsOf = (
  specs: readonly { name: string; datatype: string; shape: number[] }[]
): TensorSpec[] =>
  specs.flatMap(({ name, datatype, shape }) =>
    isDatatype(datatype) ? [{ name, datatype, shape }] : []
  )

const headOf =
  (parts: readonly Uint8Array[]) =>
  ({ name, datatype, shape }: Tensor, i: number) => ({
    name,
    datatype,
    shape,
    bytes: parts[i]?.byteLength ?? 0,
  })

function readOutputs(outputs: z.output<typeof answered>['outputs'], body: Buffer): Tensor[] {
  let at = 0
  return outputs.map(({ bytes, ...head }) => {
    const tensor = fromBytes(head, body.subarray(at, at + bytes))
    at += bytes
    return tensor
  })
}
