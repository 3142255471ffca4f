import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type TrestleClient } from '@trestle/sdk'
import pg from 'pg'
import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { createPostgres } from '../support/databases.ts'
import { spawnServer, type ServerProcess } from '../support/process.ts'
import { sendLookups, uploadLookups } from './lookups.ts'

const postgresUrl = inject('postgresUrl')

type Replica = { server: ServerProcess; client: TrestleClient; url: string }

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

/** Two server processes on one PostgreSQL and one folder of model files, as two replicas with a shared disk have them. */
async function startReplicas(): Promise<{
  one: Replica
  two: Replica
  holder: () => Promise<string>
}> {
  const database = await createPostgres(postgresUrl ?? '')
  undo.push(database.remove)
  const root = await mkdtemp(join(tmpdir(), 'trestle-replicas-'))
  undo.push(() => rm(root, { recursive: true, force: true }))
  const start = async (name: string): Promise<Replica> => {
    const server = await spawnServer(join(root, name), {
      DATABASE_URL: database.url,
      TRESTLE_ROLLOUT_LOOK_MS: '200',
      TRESTLE_ROLLOUT_LEASE_MS: '2000',
    })
    undo.push(() => server.kill('SIGTERM'))
    return { server, client: createClient({ url: server.url }), url: server.url }
  }
  const one = await start('one')
  await mkdir(join(root, 'one', 'blobs'), { recursive: true })
  await mkdir(join(root, 'two'))
  await symlink(join(root, 'one', 'blobs'), join(root, 'two', 'blobs'))
  const two = await start('two')
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  undo.push(() => sql.end())
  const holder = async (): Promise<string> => {
    const { rows } = await sql.query<{ holder: string; token: string }>(
      'select holder, token from rollout_leases'
    )
    expect(rows).toHaveLength(1)
    return `${rows[0]?.holder ?? ''}/${rows[0]?.token ?? ''}`
  }
  return { one, two, holder }
}

const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 100 })

describe.skipIf(postgresUrl === null)('two replicas on one PostgreSQL', () => {
  test('a key gets the same variant from both, through every step of a rising rollout; one acts, and when it dies the other goes on', async () => {
    const { one, two, holder } = await startReplicas()
    await uploadLookups(one.client)
    await one.client.serving.createEndpoint({ name: 'numbers', model: 'lookup/1' })
    const keys = Array.from({ length: 120 }, (_, i) => `user-${i}`)
    const { id } = await one.client.rollouts.createRollout({
      endpoint: 'numbers',
      model: 'lookup/2',
      strategy: {
        kind: 'canary',
        steps: [10, 40, 80].map((weightPercent) => ({
          weightPercent,
          bakeMs: 0,
          minRequests: 1,
          needsApproval: true,
        })),
        finalBakeMs: 0,
      },
      gates: [{ metric: 'error-rate', margin: 0.9, minSamples: 1, max: 0.9 }],
    })
    const serving = (replica: Replica, basisPoints: number) =>
      soon(async () => {
        const { traffic, variants } = await replica.client.serving.getEndpoint({
          endpoint: 'numbers',
        })
        const live = traffic.weights.find((w) => w.variant === 'v2')?.basisPoints ?? 0
        expect([live, variants.map((v) => v.state)]).toEqual([basisPoints, ['ready', 'ready']])
      })
    const chosen = async (replica: Replica): Promise<Set<string>> => {
      const answers = await Promise.all(
        keys.map(async (stickyKey) => {
          const { variant } = await replica.client.predict('numbers', { index: 1 }, { stickyKey })
          return variant === 'v2' ? stickyKey : null
        })
      )
      return new Set(answers.filter((key) => key !== null))
    }

    let before = new Set<string>()
    for (const [step, weight] of [1_000, 4_000, 8_000].entries()) {
      await serving(one, weight)
      await serving(two, weight)
      const seen = await chosen(one)
      expect(await chosen(two)).toEqual(seen)
      expect([...before].filter((key) => !seen.has(key))).toEqual([])
      expect(seen.size).toBeGreaterThan(before.size)
      before = seen
      if (step === 2) break
      // Whoever acts judges what it has seen itself, so both get requests.
      const loads = [one, two].map(({ url }) => sendLookups(url, 'numbers', { atOnce: 2 }))
      await soon(async () =>
        expect((await two.client.rollouts.getRollout({ id })).hold).toBe('approval')
      )
      for (const load of loads) await load.stop()
      await two.client.rollouts.approveRollout({ id, note: '' })
    }

    // The first one made the rollout and has held its lease from the beginning.
    const first = await holder()
    await one.server.kill('SIGKILL')
    const load = sendLookups(two.url, 'numbers', { atOnce: 2 })
    await soon(async () =>
      expect((await two.client.rollouts.getRollout({ id })).hold).toBe('approval')
    )
    await two.client.rollouts.approveRollout({ id, note: '' })
    await soon(async () =>
      expect((await two.client.rollouts.getRollout({ id })).phase).toBe('promoted')
    )
    await load.stop()
    const second = await holder()
    expect(second).not.toBe(first)
    expect(Number(second.split('/')[1])).toBe(Number(first.split('/')[1]) + 1)
    expect([...load.seen.keys()].filter((key) => key.startsWith('failed'))).toEqual([])
  }, 90_000)
})
