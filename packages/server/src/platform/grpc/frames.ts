import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import { GrpcFailure, STATUS } from './status.ts'

/** A flag for packed messages, four bytes of length. */
const HEAD_BYTES = 5

const UNPACK: Readonly<
  Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = { gzip: promisify(gunzip), deflate: promisify(inflate) }

/** What callers may pack their messages with. */
export const ENCODINGS = ['identity', ...Object.keys(UNPACK)].join(',')

/** The bytes of one message on the wire. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + message.byteLength)
  frame[0] = 0
  frame.writeUInt32BE(message.byteLength, 1)
  frame.set(message, HEAD_BYTES)
  return frame
}

export type Packed = Readonly<{ isPacked: boolean; bytes: Buffer }>

/** Cuts the bytes of a call into messages. Throws `GrpcFailure` for one that is longer than `maxBytes`. */
export function createFrameReader(maxBytes: number): {
  push: (chunk: Buffer) => Packed[]
  /** Whether a message has begun and not ended. */
  isInside: () => boolean
} {
  let parts: Buffer[] = []
  let held = 0
  let wanted = HEAD_BYTES
  return {
    push(chunk) {
      parts.push(chunk)
      held += chunk.byteLength
      const messages: Packed[] = []
      while (held >= wanted) {
        // Joined only when all of it is there, so that a large message is copied once.
        const bytes = parts.length === 1 ? (parts[0] ?? chunk) : Buffer.concat(parts, held)
        const length = bytes.readUInt32BE(1)
        if (length > maxBytes)
          throw new GrpcFailure(
            STATUS.resourceExhausted,
            `Received message larger than max (${length} vs ${maxBytes})`
          )
        const end = HEAD_BYTES + length
        const isWhole = bytes.byteLength >= end
        if (isWhole)
          messages.push({ isPacked: bytes[0] === 1, bytes: bytes.subarray(HEAD_BYTES, end) })
        const rest = isWhole ? bytes.subarray(end) : bytes
        parts = rest.byteLength === 0 ? [] : [rest]
        held = rest.byteLength
        wanted = isWhole ? HEAD_BYTES : end
      }
      return messages
    },
    isInside: () => held > 0,
  }
}

/** A message as it was before it was packed. */
export function unpack(
  { isPacked, bytes }: Packed,
  by: { encoding: string; maxBytes: number }
): Buffer | Promise<Buffer> {
  if (!isPacked) return bytes
  const run = UNPACK[by.encoding]
  if (run === undefined)
    throw new GrpcFailure(
      STATUS.unimplemented,
      `Unsupported message compression: ${by.encoding}; send ${ENCODINGS}`
    )
  return run(bytes, { maxOutputLength: by.maxBytes }).catch((error: unknown) => {
    throw error instanceof RangeError
      ? new GrpcFailure(
          STATUS.resourceExhausted,
          `The message unpacks to more than ${by.maxBytes} bytes`
        )
      : new GrpcFailure(STATUS.invalidArgument, `The message is not valid ${by.encoding}`)
  })
}
