import { isRecord } from '../../named-inputs.ts'
import { tensorsFromRows } from '../../open-tensors.ts'
import { fromJsonData } from '../../protocols/oip/tensor-codec.ts'
import { parseExactJson } from '../../protocols/exact-json.ts'
import { rowJson, valueJson } from '../../protocols/row-json.ts'
import type { TensorSpec } from '../../runtime.ts'
import { rowsOf, type Tensor } from '../../tensor.ts'
import { createHttpClient } from './http-client.ts'
import { RemoteFault, type RemoteClient } from './remote-client.ts'

/** What tells the protocols apart that send rows as JSON and get predictions. */
export type RowsDialect = Readonly<{
  /** The path that takes predictions, and the one that says whether the model is ready; null when there is none. */
  predict: string
  ready: string | null
  /** The field that rows of named values go in, and that of bare values. */
  records: string
  bare: string
}>

/** https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol */
export const kserveV1 = (base: string, model: string): RowsDialect => ({
  predict: `${base}/v1/models/${encodeURIComponent(model)}:predict`,
  ready: `${base}/v1/models/${encodeURIComponent(model)}`,
  records: 'instances',
  bare: 'instances',
})

/** A container's health route stands beside its invocations: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html */
export const sagemaker = (path: string): RowsDialect => ({
  predict: path,
  ready: pingOf(path),
  records: 'instances',
  bare: 'instances',
})

/** https://mlflow.org/docs/latest/deployment/deploy-model-locally */
export const mlflowScoring = (path: string): RowsDialect => ({
  predict: path,
  ready: pingOf(path),
  records: 'dataframe_records',
  bare: 'inputs',
})

const pingOf = (path: string): string | null =>
  path.endsWith('/invocations') ? path.replace(/invocations$/, 'ping') : null

/** The client's side of protocols whose requests are rows of JSON. They say nothing of a model's inputs and outputs. */
export function createRowsClient(address: {
  origin: string
  dialect: RowsDialect
  connections: number
  outputs: readonly TensorSpec[]
}): RemoteClient {
  const { dialect, outputs } = address
  const http = createHttpClient(address.origin, address.connections)
  return {
    async describe(one) {
      if (dialect.ready !== null) await http.get(dialect.ready, one)
      return { platform: '', inputs: [], outputs: [] }
    },
    async isReady(one) {
      try {
        if (dialect.ready !== null) await http.get(dialect.ready, one)
        return true
      } catch {
        return false
      }
    },
    async infer(inputs, one) {
      const answer = await http.post(dialect.predict, writeRows(inputs, dialect), {
        ...one,
        headers: { ...one.headers, 'content-type': 'application/json', accept: 'application/json' },
      })
      try {
        return readPredictions(parseExactJson(answer.body), outputs)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        throw new RemoteFault('failed', `its answer can't be read: ${why}`)
      }
    },
    close: () => http.close(),
  }
}

/** One tensor goes as bare values, several as objects by their names. */
export function writeRows(
  inputs: readonly Tensor[],
  dialect: Pick<RowsDialect, 'records' | 'bare'>
): string {
  const [first, ...others] = inputs
  const rows = first === undefined ? 0 : rowsOf(first)
  const isBare = others.length === 0 && first !== undefined && first.shape.length > 1
  const items = Array.from({ length: rows }, (_, row) =>
    isBare
      ? valueJson(first, { axis: 1, from: (row * first.data.length) / rows })
      : rowJson({ outputs: inputs, rows }, row)
  )
  return `{"${isBare ? dialect.bare : dialect.records}":[${items.join(',')}]}`
}

/** `{"predictions": […]}`, or the bare list; as the outputs that were declared, else as what the values are. */
export function readPredictions(answer: unknown, outputs: readonly TensorSpec[]): Tensor[] {
  const said = isRecord(answer) ? (answer['predictions'] ?? answer['outputs']) : answer
  const rows = Array.isArray(said) ? (said as unknown[]) : [said]
  if (outputs.length === 0) return tensorsFromRows(rows, 'predictions')
  return outputs.map((spec) => {
    const values = rows.map((row) => (isRecord(row) ? row[spec.name] : row))
    const shape: number[] = []
    for (let at: unknown = values; Array.isArray(at); at = (at as unknown[])[0])
      shape.push(at.length)
    return fromJsonData({ ...spec, shape }, values)
  })
}
