import type * as Grpc from '@grpc/grpc-js'
import { fileURLToPath } from 'node:url'
import type { GrpcCodec } from '../../../../platform/grpc/index.ts'
import type { Datatype } from '../../tensor.ts'

/** Which list of `InferTensorContents` holds a datatype; null for those that go as raw bytes only. */
export const CONTENTS_FIELD: Record<Datatype, string | null> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP16: null,
  BF16: null,
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
}

/** The service of `inference.proto`: 64-bit numbers as text, defaults filled in. */
export const loadInferenceProto = (): Promise<Grpc.ServiceDefinition> =>
  loadService('./inference.proto', 'inference.GRPCInferenceService')

/** gRPC's own health service. */
export const loadHealthProto = (): Promise<Grpc.ServiceDefinition> =>
  loadService('./health.proto', 'grpc.health.v1.Health')

/** `ModelInfer` alone, read into protobuf's own objects: giving each of them plain fields and defaults would cost more than reading it. */
export async function loadInferCodec(): Promise<GrpcCodec> {
  const protobuf = await import('protobufjs')
  const root = new protobuf.default.Root()
  await root.load(fileURLToPath(new URL('./inference.proto', import.meta.url)), { keepCase: true })
  const request = root.lookupType('inference.ModelInferRequest')
  const response = root.lookupType('inference.ModelInferResponse')
  return {
    decode: (bytes) => request.decode(bytes),
    encode: (message) => response.encode(message as object).finish(),
  }
}

async function loadService(file: string, name: string): Promise<Grpc.ServiceDefinition> {
  const loader = await import('@grpc/proto-loader')
  const path = fileURLToPath(new URL(file, import.meta.url))
  const definition = await loader.load(path, {
    keepCase: true,
    longs: String,
    defaults: true,
    oneofs: true,
  })
  return definition[name] as Grpc.ServiceDefinition // the proto beside this file
}
