import { createHash } from 'node:crypto'
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { createFileBlobStore } from './file-blob-store.ts'

const fresh = async () => {
  const root = await mkdtemp(join(tmpdir(), 'blobs-'))
  return { root, blobs: createFileBlobStore(root) }
}

test('a blob is named by its SHA-256 and read back whole or by range', async () => {
  const { blobs } = await fresh()
  const { digest, size } = await blobs.put(
    Readable.from([Buffer.from('hello '), Buffer.from('world')])
  )
  expect(digest).toBe(createHash('sha256').update('hello world').digest('hex'))
  expect(size).toBe(11)
  expect(await text((await blobs.open(digest))!.stream)).toBe('hello world')
  expect(await text((await blobs.open(digest, { start: 6, end: 8 }))!.stream)).toBe('wor')
})

test('a stream that breaks, is too long or has other bytes than promised leaves nothing behind', async () => {
  const { root, blobs } = await fresh()
  async function* broken() {
    yield Buffer.from('half')
    throw new Error('connection lost')
  }
  await expect(blobs.put(broken())).rejects.toThrow('connection lost')
  await expect(blobs.put(Readable.from([Buffer.alloc(100)]), { maxBytes: 50 })).rejects.toThrow(
    'More than 50 bytes'
  )
  await expect(
    blobs.put(Readable.from([Buffer.from('x')]), { expected: '0'.repeat(64) })
  ).rejects.toThrow('SHA-256')
  expect(await readdir(root)).toEqual(['incoming'])
  expect(await readdir(join(root, 'incoming'))).toEqual([])
})

test('the same bytes twice are one blob, also when written at once', async () => {
  const { blobs } = await fresh()
  const puts = await Promise.all(
    Array.from({ length: 8 }, () => blobs.put(Readable.from([Buffer.from('same')])))
  )
  expect(new Set(puts.map((p) => p.digest)).size).toBe(1)
})

test('a name that is no digest finds nothing, whatever path it hides', async () => {
  const { blobs } = await fresh()
  expect(await blobs.open('../../etc/passwd')).toBeNull()
  expect(await blobs.has('../../etc/passwd')).toBe(false)
})
