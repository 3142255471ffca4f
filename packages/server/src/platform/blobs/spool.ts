import { createHash, randomUUID } from 'node:crypto'
import { link, open, rm, stat, utimes, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../errors.ts'
import type { BlobStore, StoredBlob } from './blob-store.ts'

/** Few large writes: each costs a turn of the event loop. */
const WRITE_BYTES = 1024 * 1024

export type Spooled = StoredBlob & Readonly<{ path: string }>

/** Copies a stream to a synced temporary file in `dir`, hashes it on the way, hands it to `publish`, and removes it whatever happens. */
export async function spool(
  dir: string,
  [source, options = {}]: Parameters<BlobStore['put']>,
  publish: (file: Spooled) => Promise<void>
): Promise<StoredBlob> {
  const path = join(dir, randomUUID())
  const file = await open(path, 'wx')
  try {
    const stored = await copy(source, file, options.maxBytes ?? Infinity)
    if (options.expected !== undefined && options.expected !== stored.digest) {
      throw fail(
        'request.invalid',
        `The bytes have SHA-256 ${stored.digest}, not ${options.expected}`
      )
    }
    await file.sync()
    await publish({ ...stored, path })
    return stored
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  for (let at = 0; at < bytes.byteLength;)
    at += (await file.write(bytes, at, bytes.byteLength - at)).bytesWritten
}

async function copy(
  source: AsyncIterable<Uint8Array>,
  file: FileHandle,
  maxBytes: number
): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let size = 0
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let writing: Promise<unknown> = Promise.resolve()
  const flush = async (): Promise<void> => {
    await writing
    const chunks = waiting
    waiting = []
    waitingBytes = 0
    if (chunks.length > 0) writing = writeAll(file, chunks)
    // Its failure is thrown where it is awaited next.
    writing.catch(() => undefined)
  }
  for await (const chunk of source) {
    size += chunk.byteLength
    if (size > maxBytes) throw fail('request.too_large', `More than ${maxBytes} bytes`)
    hash.update(chunk)
    waiting.push(chunk)
    waitingBytes += chunk.byteLength
    // One write is under way while the next is gathered.
    if (waitingBytes >= WRITE_BYTES) await flush()
  }
  await flush()
  await writing
  return { digest: hash.digest('hex'), size }
}

/** A second name for a file; the name being there already is as good, since it says what it holds, and then counts as put now. */
export async function linkOnce(file: string, name: string): Promise<void> {
  try {
    await link(file, name)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
    const { mtime } = await stat(file)
    await utimes(name, mtime, mtime)
  }
}

export const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
