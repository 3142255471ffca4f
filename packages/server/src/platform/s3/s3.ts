import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { S3Client } from '@aws-sdk/client-s3'
import { messageOf } from '../../kernel/errors.ts'
import { fail } from '../errors.ts'
import { parseS3Url } from './s3-url.ts'
import type { S3Settings } from './settings.ts'

type S3Object = Readonly<{ url: string; size: number; etag: string; modifiedAt: number }>

/** Objects by `s3://bucket/key`. A failure says what was asked of which object; one that isn't there is null, never an error. */
export interface S3 {
  /** Every object whose key begins with the url's key, in key order. */
  list(url: string): AsyncIterable<S3Object>
  head(url: string): Promise<S3Object | null>
  /** The bytes, or a range of them (`end` inclusive). `size` is the whole object's. */
  read(
    url: string,
    range?: { start: number; end: number }
  ): Promise<{ stream: Readable; size: number } | null>
  /** Streams in, in parts when it is large; the object appears whole or not at all. */
  write(url: string, source: Readable): Promise<void>
  remove(url: string): Promise<void>
  /** Copies an object to a local file, which appears whole or not at all. */
  fetchTo(url: string, path: string): Promise<void>
  stop(): Promise<void>
}

/** Two parts are under way at once, so 32 MiB of memory a write; 10,000 parts are S3's limit, so 156 GiB an object. */
const PART_BYTES = 16 * 1024 * 1024

/** Opens S3. The SDK is loaded at the first call. */
export function openS3(settings: S3Settings): S3 {
  let opened: Promise<S3Client> | null = null
  const client = (): Promise<S3Client> => (opened ??= connect(settings))
  const sdk = () => import('@aws-sdk/client-s3')

  const asked = async <T>(what: string, url: string, ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask()
    } catch (error) {
      throw isMissing(error) ? error : refused(settings, `${what} ${url}`, error)
    }
  }

  const s3: S3 = {
    async *list(url) {
      const { bucket, key } = parseS3Url(url)
      const { ListObjectsV2Command } = await sdk()
      let next: string | undefined
      do {
        const page = await asked('list', url, async () =>
          (await client()).send(
            new ListObjectsV2Command({ Bucket: bucket, Prefix: key, ContinuationToken: next })
          )
        )
        for (const object of page.Contents ?? [])
          yield {
            url: `s3://${bucket}/${object.Key}`,
            size: object.Size ?? 0,
            etag: object.ETag ?? '',
            modifiedAt: object.LastModified?.getTime() ?? 0,
          }
        next = page.NextContinuationToken
      } while (next !== undefined)
    },

    async head(url) {
      const { bucket: Bucket, key: Key } = parseS3Url(url)
      const { HeadObjectCommand } = await sdk()
      const found = await orNull(
        asked('look at', url, async () =>
          (await client()).send(new HeadObjectCommand({ Bucket, Key }))
        )
      )
      return found === null
        ? null
        : {
            url,
            size: found.ContentLength ?? 0,
            etag: found.ETag ?? '',
            modifiedAt: found.LastModified?.getTime() ?? 0,
          }
    },

    async read(url, range) {
      const { bucket: Bucket, key: Key } = parseS3Url(url)
      const { GetObjectCommand } = await sdk()
      const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end}`
      const found = await orNull(
        asked('read', url, async () =>
          (await client()).send(new GetObjectCommand({ Bucket, Key, Range }))
        )
      )
      if (found === null) return null
      if (!(found.Body instanceof Readable)) throw new Error(`S3 answered ${url} without a body`)
      const whole = /\/(\d+)$/.exec(found.ContentRange ?? '')?.[1]
      return { stream: found.Body, size: Number(whole ?? found.ContentLength) }
    },

    async write(url, source) {
      const { bucket: Bucket, key: Key } = parseS3Url(url)
      const { Upload } = await import('@aws-sdk/lib-storage')
      await asked('write', url, async () => {
        const upload = new Upload({
          client: await client(),
          params: { Bucket, Key, Body: source },
          partSize: PART_BYTES,
          queueSize: 2,
        })
        await upload.done()
      })
    },

    async remove(url) {
      const { bucket: Bucket, key: Key } = parseS3Url(url)
      const { DeleteObjectCommand } = await sdk()
      await orNull(
        asked('remove', url, async () =>
          (await client()).send(new DeleteObjectCommand({ Bucket, Key }))
        )
      )
    },

    async fetchTo(url, path) {
      const found = await s3.read(url)
      if (found === null) throw fail('resource.not_found', `There is no ${url}`)
      const temporary = `${path}.${randomUUID()}.part`
      try {
        await asked('read', url, () => pipeline(found.stream, createWriteStream(temporary)))
        await rename(temporary, path)
      } finally {
        await rm(temporary, { force: true })
      }
    },

    async stop() {
      if (opened !== null) (await opened).destroy()
    },
  }
  return s3
}

async function connect({ region, endpoint, credentials }: S3Settings): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3')
  return new S3Client({
    region,
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
    ...(credentials === null ? {} : { credentials }),
    // Servers that aren't Amazon's often refuse the checksums that the SDK adds unasked.
    ...(endpoint === null
      ? {}
      : {
          endpoint,
          forcePathStyle: true,
          requestChecksumCalculation: 'WHEN_REQUIRED' as const,
          responseChecksumValidation: 'WHEN_REQUIRED' as const,
        }),
  })
}

const MISSING = new Set(['NoSuchKey', 'NotFound'])

const isMissing = (error: unknown): boolean => error instanceof Error && MISSING.has(error.name)

async function orNull<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

const refused = (settings: S3Settings, asked: string, error: unknown): Error =>
  fail(
    'storage.unavailable',
    `S3${settings.endpoint === null ? '' : ` at ${settings.endpoint}`} did not ${asked}: ${messageOf(error)}`
  )
