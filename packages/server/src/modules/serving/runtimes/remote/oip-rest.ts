import { isRecord } from '../../named-inputs.ts'
import { parseExactJson } from '../../protocols/exact-json.ts'
import { fromBytes, fromJsonData, toBytes, toJsonData } from '../../protocols/oip/tensor-codec.ts'
import type { TensorSpec } from '../../runtime.ts'
import { isDatatype, type Tensor } from '../../tensor.ts'
import { createHttpClient } from './http-client.ts'
import { RemoteFault, type RemoteClient, type RemoteTry } from './remote-client.ts'

/**
 * The client's side of the Open Inference Protocol over REST. Tensors go as bytes to a server that lists `binary_tensor_data`, else as JSON
 * (MLServer and KServe do not list it).
 */
export function createOipRestClient(address: {
  url: string
  model: string
  version: string | null
  connections: number
}): RemoteClient {
  const { origin, pathname } = new URL(address.url)
  const base = pathname.replace(/\/+$/, '')
  const http = createHttpClient(origin, address.connections)
  const version = address.version === null ? '' : `/versions/${encodeURIComponent(address.version)}`
  const model = `${base}/v2/models/${encodeURIComponent(address.model)}${version}`
  let isBinary = false

  return {
    async describe(one) {
      const server = parseObject((await http.get(`${base}/v2`, one)).body)
      const { extensions } = server
      isBinary = Array.isArray(extensions) && extensions.includes('binary_tensor_data')
      const said = parseObject((await http.get(model, one)).body)
      return {
        platform: typeof said['platform'] === 'string' ? said['platform'] : '',
        inputs: specsIn(said['inputs']),
        outputs: specsIn(said['outputs']),
      }
    },
    async isReady(one) {
      try {
        await http.get(`${model}/ready`, one)
        return true
      } catch {
        return false
      }
    },
    async infer(inputs, one) {
      const { body, headers } = writeRequest(inputs, isBinary)
      const answer = await http.post(`${model}/infer`, body, withHeaders(one, headers))
      const length = answer.headers['inference-header-content-length']
      return readAnswer(answer.body, length === undefined ? null : Number(length))
    },
    close: () => http.close(),
  }
}

const withHeaders = (one: RemoteTry, headers: Record<string, string>): RemoteTry => ({
  ...one,
  headers: { ...one.headers, ...headers },
})

/** The body of an infer request, in the binary form or as JSON. */
export function writeRequest(
  inputs: readonly Tensor[],
  isBinary: boolean
): { body: Buffer | string; headers: Record<string, string> } {
  const head = ({ name, datatype, shape }: Tensor): string =>
    `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`
  if (!isBinary)
    return {
      body: `{"inputs":[${inputs.map((tensor) => `${head(tensor)},"data":${toJsonData(tensor)}}`).join(',')}]}`,
      headers: { 'content-type': 'application/json' },
    }
  const blobs = inputs.map(toBytes)
  const heads = inputs.map(
    (tensor, i) => `${head(tensor)},"parameters":{"binary_data_size":${blobs[i]?.byteLength ?? 0}}}`
  )
  const json = Buffer.from(
    `{"inputs":[${heads.join(',')}],"parameters":{"binary_data_output":true}}`
  )
  return {
    body: Buffer.concat([json, ...blobs]),
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.byteLength),
    },
  }
}

/** The outputs of an infer response. Rejects what is none with a `RemoteFault`. */
export function readAnswer(body: Buffer, headerLength: number | null): Tensor[] {
  const at = headerLength ?? body.byteLength
  if (!Number.isInteger(at) || at < 0 || at > body.byteLength)
    throw wrong('its header length does not fit its body')
  const { outputs } = parseObject(body.subarray(0, at))
  if (!Array.isArray(outputs)) throw wrong('it has no list "outputs"')
  let from = at
  return outputs.map((output: unknown) => {
    const spec = specOf(output)
    if (spec === null || !isRecord(output)) throw wrong('one of its outputs is no tensor')
    const parameters = isRecord(output['parameters']) ? output['parameters'] : {}
    const size = parameters['binary_data_size']
    try {
      if (typeof size !== 'number')
        return fromJsonData(spec, Array.isArray(output['data']) ? output['data'] : [])
      const bytes = body.subarray(from, from + size)
      from += size
      return fromBytes(spec, bytes)
    } catch (error) {
      throw wrong(error instanceof Error ? error.message : String(error))
    }
  })
}

const wrong = (why: string): RemoteFault =>
  new RemoteFault('failed', `its answer can't be read: ${why}`)

export function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = parseExactJson(body)
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error))
  }
  if (!isRecord(value)) throw wrong('it is no JSON object')
  return value
}

const specsIn = (list: unknown): TensorSpec[] =>
  Array.isArray(list) ? list.flatMap((item: unknown) => specOf(item) ?? []) : []

function specOf(item: unknown): TensorSpec | null {
  if (!isRecord(item)) return null
  const { name, datatype, shape } = item
  if (typeof name !== 'string' || !isDatatype(datatype) || !Array.isArray(shape)) return null
  return { name, datatype, shape: shape.map(Number) }
}
