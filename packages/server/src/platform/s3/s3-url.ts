import { fail } from '../errors.ts'

type S3Place = Readonly<{ bucket: string; key: string }>

const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s

/** Reads `s3://bucket/key`; the key may be empty. Anything else is refused in words. */
export function parseS3Url(url: string): S3Place {
  const [, bucket, key = ''] = S3_URL.exec(url) ?? []
  if (bucket === undefined)
    throw fail('request.invalid', `“${url}” is no S3 address: write s3://bucket/prefix`)
  return { bucket, key }
}
