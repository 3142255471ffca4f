import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'

/** A call as a handler sees it. */
export interface GrpcCall {
  /** Of its metadata, by lower-case name. */
  header: (name: string) => string | undefined
  /** In how many milliseconds nobody waits for the answer; infinite when the caller did not say. */
  timeLeftMs: () => number
  isCancelled: () => boolean
}

export function openCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): GrpcCall {
  const timeout = readTimeout(headers['grpc-timeout'])
  const deadline = performance.now() + timeout
  return {
    header: (name) => {
      const value = headers[name]
      return typeof value === 'string' ? value : undefined
    },
    timeLeftMs: () => (timeout === Infinity ? Infinity : deadline - performance.now()),
    isCancelled: () => stream.aborted || stream.destroyed,
  }
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

/** `grpc-timeout` in milliseconds. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function readTimeout(text: string | string[] | undefined): number {
  const [, amount, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(text)) ?? []
  return amount === undefined ? Infinity : Number(amount) * (UNIT_MS[unit] ?? 1)
}
