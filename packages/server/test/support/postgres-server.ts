import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { freePort } from './free-port.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the private PostgreSQL of this test run; null when there is none on this machine. */
    postgresUrl: string | null
  }
}

const run = promisify(execFile)

/** Starts a private PostgreSQL for the test run, from the machine's own binaries. Without them the PostgreSQL half of the suites is skipped; in CI it must be there. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const bin = await findBinaries()
  if (bin === null) {
    if (process.env['CI'] !== undefined) throw new Error('CI needs PostgreSQL: install postgresql')
    process.stdout.write(
      'PostgreSQL is not installed: the PostgreSQL half of the store suites is skipped.\n'
    )
    project.provide('postgresUrl', null)
    return async () => {}
  }
  const server = await startPostgres(bin)
  project.provide('postgresUrl', server.url)
  return server.stop
}

async function findBinaries(): Promise<string | null> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch((): string[] => [])
  for (const version of versions.toSorted((a, b) => Number(b) - Number(a))) {
    const bin = join(root, version, 'bin')
    if ((await readdir(bin).catch((): string[] => [])).includes('initdb')) return bin
  }
  return null
}

async function startPostgres(bin: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'trestle-pg-'))
  // PostgreSQL refuses to run as root: as root, use the account that its package made.
  const account = process.getuid?.() === 0 ? await postgresAccount() : null
  if (account !== null) await chown(directory, account.uid, account.gid)
  const data = join(directory, 'data')
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'trestle', '--auth=trust', '-E', 'UTF8', '--no-locale'],
    account ?? {}
  )
  const port = await freePort()
  const server = spawn(
    join(bin, 'postgres'),
    [
      '-D',
      data,
      '-p',
      String(port),
      '-k',
      directory,
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'max_connections=200',
    ],
    { stdio: 'ignore', ...(account ?? {}) }
  )
  await ready(bin, port, server)
  return {
    url: `postgres://trestle@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function postgresAccount(): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

async function ready(bin: string, port: number, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode}`)
    const up = await run(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)])
      .then(() => true)
      .catch(() => false)
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('PostgreSQL did not start within 15 s')
}
