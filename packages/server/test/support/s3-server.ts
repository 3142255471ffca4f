import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { broughtJars, canRun, type Jars } from './maven-jars.ts'

const SERVER: Jars = { name: 's3proxy', group: 'org.gaul', artifact: 's3proxy', version: '2.9.0' }

/** Whether this machine can run an S3 server. In CI it must. */
export const hasS3 = (): boolean => canRun(SERVER)

export type TestS3 = Readonly<{
  endpoint: string
  /** A bucket that is there. */
  bucket: string
  /** The variables that a client needs; signatures are checked. */
  env: Readonly<Record<string, string>>
  stop: () => Promise<void>
}>

/** A real S3 server (S3Proxy over a folder) on a free port, with one empty bucket. */
export async function startS3(): Promise<TestS3> {
  const dir = await mkdtemp(join(tmpdir(), 'trestle-s3-'))
  const port = await freePort()
  const [key, secret, bucket] = ['test-key', 'test-secret', 'artifacts']
  await mkdir(join(dir, 'data', bucket), { recursive: true })
  await writeFile(
    join(dir, 's3proxy.conf'),
    [
      `s3proxy.endpoint=http://127.0.0.1:${port}`,
      's3proxy.authorization=aws-v2-or-v4',
      `s3proxy.identity=${key}`,
      `s3proxy.credential=${secret}`,
      'jclouds.provider=filesystem-nio2',
      `jclouds.filesystem.basedir=${join(dir, 'data')}`,
      '',
    ].join('\n')
  )
  await writeFile(join(dir, 'logback.xml'), '<configuration/>')
  const child = spawn(
    'java',
    [
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      `-Dlogback.configurationFile=${join(dir, 'logback.xml')}`,
      '-cp',
      await broughtJars(SERVER),
      'org.gaul.s3proxy.Main',
      '--properties',
      join(dir, 's3proxy.conf'),
    ],
    { stdio: 'ignore' }
  )
  const endpoint = `http://127.0.0.1:${port}`
  for (let attempt = 0; ; attempt++) {
    if (child.exitCode !== null) throw new Error(`S3Proxy ended with ${child.exitCode}`)
    if (attempt > 120) throw new Error('S3Proxy did not start within 30 s')
    if (
      await fetch(endpoint).then(
        () => true,
        () => false
      )
    )
      break
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  return {
    endpoint,
    bucket,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: key,
      AWS_SECRET_ACCESS_KEY: secret,
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}
