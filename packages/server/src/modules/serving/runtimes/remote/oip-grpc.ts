import type * as Grpc from '@grpc/grpc-js'
import type { Clock } from '../../../../kernel/clock.ts'
import { fromBytes, fromJsonData, toBytes } from '../../protocols/oip/tensor-codec.ts'
import { CONTENTS_FIELD, loadInferenceProto } from '../../protocols/oip/proto.ts'
import type { TensorSpec } from '../../runtime.ts'
import { isDatatype, type Tensor } from '../../tensor.ts'
import {
  RemoteFault,
  type RemoteClient,
  type RemoteFaultKind,
  type RemoteTry,
} from './remote-client.ts'

type WireTensor = Readonly<{
  name: string
  datatype: string
  shape: readonly string[]
  contents?: Readonly<Record<string, readonly unknown[]>> | null
}>
type Message = Readonly<Record<string, unknown>>
type Call = (
  ...call: [
    message: Message,
    metadata: Grpc.Metadata,
    options: Grpc.CallOptions,
    done: (error: Grpc.ServiceError | null, answer?: Message) => void,
  ]
) => void

/** Connections over which the calls of one model are spread: one HTTP/2 connection is one TCP window and one thread at the other end. */
const MAX_CHANNELS = 4
const CALLS_PER_CHANNEL = 100

/** The client's side of the Open Inference Protocol over gRPC, over a few kept HTTP/2 connections. */
export async function createOipGrpcClient(address: {
  url: string
  model: string
  version: string | null
  connections: number
  clock: Clock
}): Promise<RemoteClient> {
  const [grpc, definition] = await Promise.all([import('@grpc/grpc-js'), loadInferenceProto()])
  const { host, protocol } = new URL(address.url)
  const Client = grpc.makeGenericClientConstructor(definition, 'GRPCInferenceService')
  const credentials =
    protocol === 'grpcs:' ? grpc.credentials.createSsl() : grpc.credentials.createInsecure()
  const channels = Math.min(MAX_CHANNELS, Math.ceil(address.connections / CALLS_PER_CHANNEL))
  const clients = Array.from(
    { length: channels },
    (_, i) =>
      new Client(host, credentials, {
        // Without it, clients of one address share one connection.
        'grpc.use_local_subchannel_pool': 1,
        'trestle.channel': i,
        'grpc.max_receive_message_length': -1,
        'grpc.max_send_message_length': -1,
        'grpc.enable_retries': 0,
      })
  )
  let next = 0

  const call = (method: string, message: Message, one: RemoteTry): Promise<Message> => {
    const client = clients[next++ % clients.length]
    const run = client?.[method] as Call | undefined // every method of the service is a function of this form
    if (client === undefined || run === undefined) throw new Error(`no method ${method}`)
    const metadata = new grpc.Metadata()
    for (const [name, value] of Object.entries(one.headers)) metadata.set(name, value)
    return new Promise((resolve, reject) => {
      run.call(
        client,
        message,
        metadata,
        { deadline: address.clock.now() + one.timeoutMs }, // gRPC counts its deadlines by the wall clock
        (error, answer) => {
          if (error !== null) reject(faultOf(error))
          else resolve(answer ?? {})
        }
      )
    })
  }
  const named = { name: address.model, version: address.version ?? '' }

  return {
    async describe(one) {
      const said = await call('ModelMetadata', named, one)
      return {
        platform: typeof said['platform'] === 'string' ? said['platform'] : '',
        inputs: (said['inputs'] as WireTensor[]).map(specOf), // the loader fills lists in
        outputs: (said['outputs'] as WireTensor[]).map(specOf),
      }
    },
    async isReady(one) {
      try {
        return (await call('ModelReady', named, one))['ready'] === true
      } catch {
        return false
      }
    },
    async infer(inputs, one) {
      const message = {
        model_name: address.model,
        model_version: address.version ?? '',
        inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        raw_input_contents: inputs.map(toBytes),
      }
      return readAnswer(await call('ModelInfer', message, one))
    },
    close: async () => {
      for (const client of clients) client.close()
    },
  }
}

function readAnswer(answer: Message): Tensor[] {
  const raw = answer['raw_output_contents'] as readonly Buffer[] // as the proto says
  const outputs = answer['outputs'] as readonly WireTensor[]
  return outputs.map((output, i) => {
    const spec = specOf(output)
    try {
      const bytes = raw[i]
      if (bytes !== undefined) return fromBytes(spec, bytes)
      const field = CONTENTS_FIELD[spec.datatype]
      const values = field === null ? [] : (output.contents?.[field] ?? [])
      return fromJsonData(
        spec,
        values.map((value) =>
          Buffer.isBuffer(value)
            ? value.toString('utf8')
            : spec.datatype.endsWith('INT64')
              ? BigInt(String(value))
              : value
        )
      )
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new RemoteFault('failed', `its answer can't be read: ${why}`)
    }
  })
}

function specOf({ name, datatype, shape }: WireTensor): TensorSpec {
  if (!isDatatype(datatype))
    throw new RemoteFault('failed', `it has a tensor "${name}" of the unknown datatype ${datatype}`)
  return { name, datatype, shape: shape.map(Number) }
}

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const KINDS: Readonly<Record<number, RemoteFaultKind>> = {
  1: 'cancelled',
  3: 'refused',
  4: 'timeout',
  8: 'busy',
  9: 'refused',
  11: 'refused',
  14: 'unreachable',
}

function faultOf(error: Grpc.ServiceError): RemoteFault {
  const kind = KINDS[error.code] ?? 'failed'
  // A connection that broke under a call also ends as UNAVAILABLE, and then the server may have begun.
  const isBroken = kind === 'unreachable' && /dropped|reset|closed|GOAWAY/i.test(error.details)
  return new RemoteFault(isBroken ? 'broken' : kind, `it answered ${error.code}: ${error.details}`)
}
