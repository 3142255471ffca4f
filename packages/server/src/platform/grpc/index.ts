export type { GrpcCall } from './call.ts'
export { createGrpcServer, type GrpcCodec, type GrpcMethod, type GrpcServer } from './server.ts'
export { GrpcFailure } from './status.ts'
