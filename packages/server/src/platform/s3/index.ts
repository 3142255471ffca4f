export { openS3 } from './s3.ts'
export type { S3, S3Settings } from './s3.ts'
export { parseS3Url } from './s3-url.ts'
