import type { Readable } from 'node:stream'

/** SHA-256 in lower-case hex: the name of a blob is what it holds. */
export type Digest = string

export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

export type StoredBlob = Readonly<{ digest: Digest; size: number }>

/** Bytes by content. A blob is there whole or not at all, and never changes. */
export interface BlobStore {
  /** Streams `source` in and returns its name once it is on disk. Nothing is left behind when the stream fails. */
  put(
    source: Readable | AsyncIterable<Uint8Array>,
    options?: { expected?: Digest; maxBytes?: number }
  ): Promise<StoredBlob>
  /** Opens a blob, or a byte range of it (`end` inclusive). Null when there is none. */
  open(
    digest: Digest,
    range?: { start: number; end: number }
  ): Promise<{ stream: Readable; size: number } | null>
  has(digest: Digest): Promise<boolean>
  /** Every blob, and when it was last put. */
  list(): AsyncIterable<StoredBlob & { putAt: number }>
  /** Removes a blob unless it was put, perhaps again, since `before`. Says whether it did. */
  removeUnlessPut(digest: Digest, before: number): Promise<boolean>
  /** A local file with the blob's bytes, for engines that read paths. Not to be changed. */
  localPath(digest: Digest): Promise<string | null>
}
