import { z } from 'zod'

const url = z.union([
  z.literal(''),
  z.url({ protocol: /^https?$/, error: 'must be an http:// URL' }),
])

/** Where S3 is. */
export type S3Settings = Readonly<{
  region: string
  /** Of a server that is not Amazon's (MinIO, Ceph, R2 …), which is then asked with the bucket in the path. Null: Amazon's. */
  endpoint: string | null
  /** Null: as the AWS SDK finds them, in profiles, web identity or the instance's role. */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | null
}>

/** The variables that S3's own tools read. */
export const s3Environment = {
  AWS_REGION: z.string().default(''),
  AWS_DEFAULT_REGION: z.string().default(''),
  AWS_ENDPOINT_URL: url.default(''),
  AWS_ENDPOINT_URL_S3: url.default(''),
  AWS_ACCESS_KEY_ID: z.string().default(''),
  AWS_SECRET_ACCESS_KEY: z.string().default(''),
  AWS_SESSION_TOKEN: z.string().default(''),
}

/** Reads the settings; half a pair of keys is refused. */
export function s3Settings(e: z.output<z.ZodObject<typeof s3Environment>>): S3Settings {
  if ((e.AWS_ACCESS_KEY_ID === '') !== (e.AWS_SECRET_ACCESS_KEY === ''))
    throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set together or not at all')
  return {
    region: e.AWS_REGION || e.AWS_DEFAULT_REGION || 'us-east-1',
    endpoint: e.AWS_ENDPOINT_URL_S3 || e.AWS_ENDPOINT_URL || null,
    credentials:
      e.AWS_ACCESS_KEY_ID === ''
        ? null
        : {
            accessKeyId: e.AWS_ACCESS_KEY_ID,
            secretAccessKey: e.AWS_SECRET_ACCESS_KEY,
            ...(e.AWS_SESSION_TOKEN === '' ? {} : { sessionToken: e.AWS_SESSION_TOKEN }),
          },
  }
}
