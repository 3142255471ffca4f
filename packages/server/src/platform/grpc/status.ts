/** How a call ends when it fails. https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export class GrpcFailure extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export const STATUS = {
  ok: 0,
  invalidArgument: 3,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const

/** Every byte that is no printable ASCII, and the percent sign, as `grpc-message` carries them. */
export const encodeMessage = (message: string): string =>
  Buffer.from(message.slice(0, 4_096), 'utf8')
    .toString('latin1')
    .replace(
      /[^\x20-\x24\x26-\x7e]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
    )
