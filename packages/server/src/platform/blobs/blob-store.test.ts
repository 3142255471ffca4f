import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasS3, startS3, type TestS3 } from '../../../test/support/s3-server.ts'
import { systemClock } from '../../kernel/clock.ts'
import { openS3, type S3 } from '../s3/index.ts'
import type { BlobStore } from './blob-store.ts'
import { createFileBlobStore } from './file-blob-store.ts'
import { createS3BlobStore } from './s3-blob-store.ts'

type Fresh = { blobs: BlobStore; root: string; published: () => Promise<string[]> }

describe('in files', () => {
  suite(async () => {
    const root = await mkdtemp(join(tmpdir(), 'blobs-'))
    return {
      root,
      blobs: createFileBlobStore(root),
      published: async () => (await readdir(root)).filter((name) => name !== 'incoming'),
    }
  })
})

describe.skipIf(!hasS3())('in S3', () => {
  let server: TestS3
  let s3: S3
  beforeAll(async () => {
    server = await startS3()
    s3 = openS3({
      region: 'us-east-1',
      endpoint: server.endpoint,
      credentials: {
        accessKeyId: server.env['AWS_ACCESS_KEY_ID']!,
        secretAccessKey: server.env['AWS_SECRET_ACCESS_KEY']!,
      },
    })
  }, 60_000)
  afterAll(async () => {
    await s3.stop()
    await server.stop()
  })

  const fresh = async (cacheBytes = 1e9): Promise<Fresh & { url: string }> => {
    const root = await mkdtemp(join(tmpdir(), 'blobs-'))
    const url = `s3://${server.bucket}/${root.slice(-6)}`
    return {
      root,
      url,
      blobs: createS3BlobStore(s3, { url, localDir: root, cacheBytes, clock: systemClock }),
      published: async () => {
        const urls = []
        for await (const object of s3.list(`${url}/`)) urls.push(object.url)
        return urls
      },
    }
  }
  suite(fresh)

  test('more than one part goes up and comes down, whole and by range, and a second server reads it', async () => {
    const { blobs, url } = await fresh()
    const bytes = Buffer.alloc(40 * 1024 * 1024, 'abcdefg')
    const { digest } = await blobs.put(Readable.from([bytes]))
    const other = createS3BlobStore(s3, {
      url,
      localDir: await mkdtemp(join(tmpdir(), 'blobs-')),
      cacheBytes: 1e9,
      clock: systemClock,
    })
    const path = await other.localPath(digest)
    expect(
      createHash('sha256')
        .update(await readFile(path!))
        .digest('hex')
    ).toBe(digest)
    const opened = await other.open(digest, { start: 7_000_000, end: 7_000_006 })
    expect(opened!.size).toBe(bytes.length)
    expect(await text(opened!.stream)).toBe('abcdefg')
  })

  test('bytes that are not what their name says are refused, and not kept', async () => {
    const { blobs, url, root } = await fresh()
    const digest = '0'.repeat(64)
    await s3.write(`${url}/00/00/${digest}`, Readable.from([Buffer.from('tampered')]))
    await expect(blobs.localPath(digest)).rejects.toThrow('SHA-256')
    expect(await readdir(join(root, 'cache'))).toEqual(['incoming'])
  })

  test('the cache drops what was unused longest, and fetches it again', async () => {
    const { blobs, root } = await fresh(1_000)
    const put = async (letter: string) =>
      (await blobs.put(Readable.from([Buffer.alloc(600, letter)]))).digest
    const first = await put('a')
    await utimes(join(root, 'cache', 'files', first), 1, 1)
    const second = await put('b')
    expect(await readdir(join(root, 'cache', 'files'))).toEqual([second])
    expect(await readFile((await blobs.localPath(first))!, 'utf8')).toBe('a'.repeat(600))
  })

  test('a server that is not there, and a bucket that is not there, are named', async () => {
    await expect(s3.write('s3://no-such-bucket/x', Readable.from(['x']))).rejects.toThrow(
      'did not write s3://no-such-bucket/x'
    )
    const away = openS3({
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:9',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    })
    await expect(away.head('s3://bucket/x')).rejects.toThrow(
      'S3 at http://127.0.0.1:9 did not look at s3://bucket/x'
    )
    await away.stop()
  })
})

function suite(fresh: () => Promise<Fresh>): void {
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
    const { root, blobs, published } = await fresh()
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
    expect(await published()).toEqual([])
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
}
