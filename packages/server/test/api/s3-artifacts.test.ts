import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { hasS3, startS3, type TestS3 } from '../support/s3-server.ts'

describe.skipIf(!hasS3())('artifacts in S3', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await startS3()
  }, 60_000)
  afterAll(() => s3.stop())

  test('an artifact is there for a second server with an empty disk', async () => {
    const settings = { ...s3.env, ARTIFACTS_URL: `s3://${s3.bucket}/team/` }
    const data = await mkdtemp(join(tmpdir(), 'trestle-app-'))
    const first = await startTestApp({ ...settings, TRESTLE_DATA: data })
    const at = '/api/2.0/mlflow-artifacts/artifacts/0/some-run/artifacts/notes.txt'
    const put = await fetch(`${first.url}${at}`, { method: 'PUT', body: 'kept in the bucket' })
    expect(put.status).toBe(200)
    await first.stop()
    await rm(join(data, 'blobs'), { recursive: true })
    const second = await startTestApp({ ...settings, TRESTLE_DATA: data })
    expect(await (await fetch(`${second.url}${at}`)).text()).toBe('kept in the bucket')
    await second.stop()
  })

  test.each([
    ['a bucket that is not there', { ARTIFACTS_URL: 's3://nobody/x' }, /nobody/],
    ['keys that are wrong', { AWS_SECRET_ACCESS_KEY: 'wrong' }, /signature|Forbidden/i],
    ['a server that is not there', { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }, /127\.0\.0\.1:9/],
    ['half of the keys', { AWS_SECRET_ACCESS_KEY: '' }, /AWS_ACCESS_KEY_ID/],
    ['another kind of address', { ARTIFACTS_URL: 'gs://bucket/x' }, /s3:\/\/bucket\/prefix/],
  ])('with %s the server does not start, and says why', async (_, wrong, reason) => {
    const settings = { ...s3.env, ARTIFACTS_URL: `s3://${s3.bucket}/team/`, ...wrong }
    await expect(startTestApp(settings)).rejects.toThrow(reason)
  })
})
