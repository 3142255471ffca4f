import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { createFileBlobStore } from '../../../platform/blobs/index.ts'
import { trackingMigrations } from '../index.ts'
import { cleanPath } from './artifact-path.ts'
import { createArtifactStore } from './artifact-store.ts'
import { createArtifacts } from './artifacts.ts'
import { parseRange } from './byte-range.ts'
import { dispositionOf } from './media-type.ts'
import { createMultipartUploads } from './multipart-uploads.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'artifacts-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const bytes = (content: string) => Readable.from([Buffer.from(content)])

onEveryDatabase([trackingMigrations], (database) => {
  const open = () => {
    const blobs = createFileBlobStore(root)
    const clock = createManualClock(1)
    const artifacts = createArtifacts({ store: createArtifactStore(database()), blobs, clock })
    const uploads = createMultipartUploads({ database: database(), blobs, artifacts, clock })
    return { artifacts, uploads }
  }

  test('a folder lists its files and folders, and no neighbour with a like name', async () => {
    const { artifacts } = open()
    for (const path of [
      '1/a/x.txt',
      '1/a/sub/y.txt',
      '1/a/sub/z/w.txt',
      '1/ab/n.txt',
      '1/a-b/n.txt',
      '1/a.txt',
    ])
      await artifacts.write('p', path, bytes(path))
    expect(await artifacts.list('p', '1/a', '1/a')).toEqual([
      { path: 'sub', is_dir: true },
      { path: 'x.txt', is_dir: false, file_size: 9 },
    ])
    expect(await artifacts.list('p', '1/a/sub', '1/a')).toEqual([
      { path: 'sub/y.txt', is_dir: false, file_size: 13 },
      { path: 'sub/z', is_dir: true },
    ])
    expect(await artifacts.list('other', '1/a', '1/a')).toEqual([])
    await artifacts.remove('p', '1/a')
    expect(await artifacts.list('p', '1/a', '1/a')).toEqual([])
    expect(await artifacts.tree('p', '1/ab')).toHaveLength(1)
  })

  test('a stream that breaks leaves the file as it was', async () => {
    const { artifacts } = open()
    await artifacts.write('p', 'keep.txt', bytes('old'))
    async function* broken() {
      yield Buffer.from('new')
      throw new Error('connection lost')
    }
    await expect(artifacts.write('p', 'keep.txt', broken())).rejects.toThrow('connection lost')
    expect(await text(await artifacts.open(await artifacts.get('p', 'keep.txt')))).toBe('old')
  })

  test('a path is a file or a folder, not both', async () => {
    const { artifacts } = open()
    await artifacts.write('p', 'f/a', bytes('1'))
    await expect(artifacts.write('p', 'f', bytes('2'))).rejects.toThrow('is a folder')
    await expect(artifacts.write('p', 'f/a/b', bytes('2'))).rejects.toThrow('is a file')
  })

  test('a multipart upload joins its parts in order, and refuses a part that was not acknowledged', async () => {
    const { artifacts, uploads } = open()
    const { uploadId } = await uploads.create({ project: 'p', path: 'big', parts: 2 })
    const second = await uploads.putPart({ uploadId, number: 2, bytes: bytes('world') })
    const first = await uploads.putPart({ uploadId, number: 1, bytes: bytes('hello ') })
    const complete = (etag: string) =>
      uploads.complete({
        project: 'p',
        uploadId,
        parts: [
          { number: 2, etag: second },
          { number: 1, etag },
        ],
      })
    await expect(complete('0'.repeat(64))).rejects.toThrow('Part 1')
    await expect(artifacts.get('p', 'big')).rejects.toThrow('No such artifact')
    await complete(`"${first}"`)
    expect(await text(await artifacts.open(await artifacts.get('p', 'big')))).toBe('hello world')
    await expect(complete(first)).rejects.toThrow('No such multipart upload')
  })
})

test('no path that is let through climbs, hides or is unclean', () => {
  const piece = fc.oneof(
    fc.constantFrom('..', '.', '/', '\\', '\0', 'a', '%2e', '//'),
    fc.string({ maxLength: 3 })
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      let clean: string
      try {
        clean = cleanPath(pieces.join(''))
      } catch {
        return
      }
      if (clean !== '') expect(join('/root', clean)).toBe(`/root/${clean}`)
      expect(clean.split('/').some((p) => p === '..' || p === '.')).toBe(false)
    })
  )
})

test('a byte range stays within the file', () => {
  expect(parseRange('bytes=0-4', 10)).toEqual({ kind: 'part', start: 0, end: 4 })
  expect(parseRange('bytes=5-', 10)).toEqual({ kind: 'part', start: 5, end: 9 })
  expect(parseRange('bytes=-30', 10)).toEqual({ kind: 'part', start: 0, end: 9 })
  expect(parseRange('bytes=10-', 10)).toEqual({ kind: 'unsatisfiable' })
  expect(parseRange('bytes=-1', 0)).toEqual({ kind: 'unsatisfiable' })
  for (const header of [undefined, 'bytes=4-2', 'bytes=0-1,3-4', 'items=0-1', 'bytes=-'])
    expect(parseRange(header, 10)).toEqual({ kind: 'whole' })
})

test('a file name of any letters becomes a header of plain ones', () => {
  expect(dispositionOf('a/b c.txt')).toBe('attachment; filename="b c.txt"')
  expect(dispositionOf('ü"\n.txt')).toBe(
    `attachment; filename="___.txt"; filename*=UTF-8''%C3%BC%22%0A.txt`
  )
})
