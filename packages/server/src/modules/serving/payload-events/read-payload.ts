import { fail } from '../../../platform/errors.ts'
import { isRecord, stackRows } from '../named-inputs.ts'
import { tensorsFromRows } from '../open-tensors.ts'
import { scoringOf } from '../protocols/mlflow.ts'
import { readTensors } from '../protocols/oip/infer-codec.ts'
import { readPredictions } from '../runtimes/remote/rows-client.ts'
import type { TensorSpec } from '../runtime.ts'
import type { ServedModel } from '../served-model.ts'
import type { Tensor } from '../tensor.ts'

/** What a model elsewhere was asked, in the Open Inference Protocol or as KServe V1 says it. Throws `request.invalid` and `request.malformed`. */
export function readAsked(data: unknown, served: ServedModel | null): readonly Tensor[] {
  if (isRecord(data) && isTensorList(data['inputs'])) return readTensors(data['inputs'])
  const { rows } = scoringOf(data)
  return served === null || served.spec.isOpen === true
    ? tensorsFromRows(rows, 'input-0')
    : stackRows(served.inputs, rows, () => undefined)
}

/** What it answered. */
export function readAnswered(data: unknown, served: ServedModel | null): readonly Tensor[] {
  if (isRecord(data) && isTensorList(data['outputs'])) return readTensors(data['outputs'])
  if (!isRecord(data) || !Array.isArray(data['predictions']))
    throw fail('request.invalid', 'The answer must have "outputs" (v2) or "predictions" (V1)')
  const [first] = data['predictions'] as unknown[]
  const outputs = served?.spec.outputs ?? []
  return readPredictions(data, isOf(first, outputs) ? outputs : [])
}

/** A transformer behind the model may have changed what it gives. */
const isOf = (row: unknown, outputs: readonly TensorSpec[]): boolean =>
  isRecord(row) ? outputs.every(({ name }) => name in row) : outputs.length === 1

const isTensorList = (value: unknown): value is unknown[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((one) => isRecord(one) && 'datatype' in one)
