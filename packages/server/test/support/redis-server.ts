import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'

const BINARY = ['/usr/bin/redis-server', '/usr/bin/valkey-server'].find((path) => existsSync(path))

/** Whether this machine has a Redis. In CI it must. */
export function hasRedis(): boolean {
  if (BINARY === undefined && process.env['CI'] !== undefined)
    throw new Error('CI needs Redis: install redis-server')
  if (BINARY === undefined) process.stdout.write('Redis is not installed: its half is skipped.\n')
  return BINARY !== undefined
}

export type TestRedis = Readonly<{ url: string; stop: () => Promise<void> }>
type Node = Readonly<{ port: number; child: ChildProcess; client: Redis }>

/** A Redis of its own on a free port, without persistence. */
export async function startRedis(): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'trestle-redis-'))
  const node = await startNode(dir, [])
  return {
    url: `redis://127.0.0.1:${node.port}`,
    stop: async () => {
      await stopNode(node)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A real cluster of three nodes that share the slots. */
export async function startRedisCluster(): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'trestle-redis-cluster-'))
  const nodes: Node[] = []
  for (let i = 0; i < 3; i++)
    nodes.push(
      await startNode(dir, [
        ...['--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${i}.conf`],
        ...['--cluster-port', String(await freePort()), '--cluster-node-timeout', '2000'],
      ])
    )
  const [first] = nodes
  if (first === undefined) throw new Error('There are three nodes')
  for (const [i, { client }] of nodes.entries()) {
    const from = Math.ceil((16_384 / 3) * i)
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from, Math.ceil((16_384 / 3) * (i + 1)) - 1)
    if (i > 0) {
      const bus = /@(\d+)/.exec(String(await client.call('CLUSTER', 'NODES')))?.[1] ?? ''
      await first.client.call('CLUSTER', 'MEET', '127.0.0.1', nodes[i]?.port ?? 0, bus)
    }
  }
  for (const { client } of nodes)
    await until(async () => {
      const info = String(await client.call('CLUSTER', 'INFO'))
      return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')
    })
  return {
    url: `redis://${nodes.map((n) => `127.0.0.1:${n.port}`).join(',')}?cluster=true`,
    stop: async () => {
      await Promise.all(nodes.map(stopNode))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function startNode(dir: string, settings: readonly string[]): Promise<Node> {
  const port = await freePort()
  const child = spawn(
    BINARY ?? '',
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
      ...['--save', '', '--appendonly', 'no', ...settings],
    ],
    { stdio: 'ignore' }
  )
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 })
  client.on('error', () => undefined) // it is not up yet
  await until(async () => (await client.dbsize()) >= 0)
  return { port, child, client }
}

async function stopNode({ child, client }: Node): Promise<void> {
  client.disconnect()
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function until(is: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await is().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('Redis was not ready within 10 s')
}
