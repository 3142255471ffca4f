import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@trestle/sdk'
import { pythonWith } from '../../conformance/lib/python.ts'

const run = promisify(execFile)
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** A gateway at work: where it listens, what it wants to be told, and its process. */
export type Gateway = Readonly<{
  name: string
  url: string
  headers: Readonly<Record<string, string>>
  model: string
  pid: number
  stop: () => Promise<void>
}>

/** Whatever ends this program, nothing that it started lives on. */
const children = new Set<ChildProcess>()
function start(...[command, args, options]: Parameters<typeof spawn>): ChildProcess {
  const child = spawn(command, args, options)
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(1))

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('its output is not piped')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return line
}

/** The model server itself, on a process of its own. */
export async function startUpstream(): Promise<Gateway> {
  const child = start(process.execPath, [pathOf('./upstream.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { port } = JSON.parse(await firstLine(child)) as { port: number }
  return gateway('direct', `http://127.0.0.1:${port}/v1`, { child, model: 'gpt-4o-mini' })
}

/** Trestle with everything on: a key, a hard budget to hold money against, metering, the inference log. */
export async function startTrestle(upstream: string): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-bench-'))
  const child = start(
    process.execPath,
    [pathOf('../../packages/server/dist/main.js'), '--port', '0', '--data', dataDir],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TRESTLE_PORT: '0', TRESTLE_DATA: dataDir, TRESTLE_LOG_LEVEL: 'error' },
    }
  )
  const { url } = JSON.parse(await firstLine(child)) as { url: string }
  const client = createClient({ url })
  await client.serving.createEndpoint({
    name: 'chat',
    llm: { backends: [{ provider: 'openai', model: 'gpt-4o-mini', url: upstream }] },
  })
  await client.costs.putBudget({ name: 'bench', period: 'month', usd: '1000000', hardStop: true })
  const { secret } = await client.identity.createKey({ name: 'bench', role: 'viewer' })
  return gateway('Trestle', `${url}/v1`, {
    child,
    model: 'chat',
    headers: { authorization: `Bearer ${secret}` },
  })
}

/** Portkey's open gateway: no keys, no budgets, no log; those are in its hosted product. */
export async function startPortkey(upstream: string): Promise<Gateway> {
  const folder = join(homedir(), '.cache', 'trestle', 'portkey-1.15.2-node-20')
  if (!existsSync(join(folder, 'node_modules'))) {
    await mkdir(folder, { recursive: true })
    // Its release answers 500 to every call on Node 24: it gets a Node 20 of its own.
    const dependencies = { '@portkey-ai/gateway': '1.15.2', node: '20.19.5' }
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ private: true, dependencies, allowScripts: { node: true } })
    )
    await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: folder })
  }
  const port = await freePort()
  const child = start(
    join(folder, 'node_modules/.bin/node'),
    [
      join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js'),
      '--headless',
      `--port=${port}`,
    ],
    // It refuses private addresses as backends unless they are named.
    {
      cwd: folder,
      stdio: 'ignore',
      env: { ...process.env, TRUSTED_CUSTOM_HOSTS: 'localhost,127.0.0.1' },
    }
  )
  const url = `http://127.0.0.1:${port}/v1`
  await answers(`http://127.0.0.1:${port}/`)
  return gateway('Portkey', url, {
    child,
    model: 'gpt-4o-mini',
    headers: {
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': upstream,
      authorization: 'Bearer none',
    },
  })
}

/** LiteLLM's proxy with one worker and a master key; budgets and spend would need its database. */
export async function startLiteLlm(upstream: string): Promise<Gateway> {
  const python = await pythonWith(pathOf('./requirements.txt'))
  const folder = await mkdtemp(join(tmpdir(), 'litellm-'))
  const config = join(folder, 'config.yaml')
  await writeFile(
    config,
    `model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-4o-mini, api_base: "${upstream}", api_key: none}
general_settings: {master_key: sk-bench}
litellm_settings: {telemetry: false}
`
  )
  const port = await freePort()
  const child = start(
    join(python, '../litellm'),
    ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1'],
    {
      stdio: 'ignore',
      env: { ...process.env, LITELLM_LOG: 'ERROR', LITELLM_LOCAL_MODEL_COST_MAP: 'True' },
    }
  )
  await answers(`http://127.0.0.1:${port}/health/liveliness`)
  return gateway('LiteLLM', `http://127.0.0.1:${port}/v1`, {
    child,
    model: 'chat',
    headers: { authorization: 'Bearer sk-bench' },
  })
}

function gateway(
  name: string,
  url: string,
  of: { child: ChildProcess; model: string; headers?: Record<string, string> }
): Gateway {
  return {
    name,
    url,
    headers: of.headers ?? {},
    model: of.model,
    pid: of.child.pid ?? 0,
    stop: async () => {
      if (of.child.exitCode !== null) return
      of.child.kill('SIGTERM')
      await once(of.child, 'exit')
    },
  }
}

async function answers(url: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    try {
      if ((await fetch(url)).status < 500) return
    } catch {
      // not up yet
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${url} never answered`)
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const TICKS_PER_SECOND = 100

/** CPU seconds of a process, its threads and its children so far (Linux). */
export async function cpuSeconds(pid: number): Promise<number> {
  let total = 0
  for (const id of await family(pid)) {
    const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    total += (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND
  }
  return total
}

/** Resident memory in MB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

async function family(pid: number): Promise<number[]> {
  const found = [pid]
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    if (found.includes(parent)) found.push(Number(entry))
  }
  return found
}
