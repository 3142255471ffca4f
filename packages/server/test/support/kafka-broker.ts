import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createKafka } from '../../src/platform/kafka/index.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)
const VERSION = '4.1.1'
const JARS = join(homedir(), '.cache', 'trestle', `kafka-${VERSION}`)

/** Whether this machine can run a broker: Java 17, and Maven for its jars. In CI it must. */
export function hasKafka(): boolean {
  const can = isThere('java') && (existsSync(JARS) || isThere('mvn'))
  if (!can && process.env['CI'] !== undefined)
    throw new Error('CI needs Java 17 and Maven: install openjdk-17-jre-headless and maven')
  if (!can) process.stdout.write('Java or Maven is not installed: tests on Kafka are skipped.\n')
  return can
}

function isThere(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export type TestBroker = Readonly<{
  address: string
  /** Ends the broker as a crash would; its log stays. */
  kill: () => Promise<void>
  /** Starts it again on the same log. */
  start: () => Promise<void>
  stop: () => Promise<void>
}>

/** A real Apache Kafka broker (KRaft, one node) on free ports, with a log of its own. */
export async function startKafka(): Promise<TestBroker> {
  const jars = await broughtJars()
  const dir = await mkdtemp(join(tmpdir(), 'trestle-kafka-'))
  const [port, controller] = [await freePort(), await freePort()]
  const properties = join(dir, 'server.properties')
  await writeFile(properties, settings({ dir, port, controller }))
  const java = (heap: string, main: string, args: readonly string[]): string[] => [
    `-Xmx${heap}`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-cp',
    jars,
    main,
    ...args,
  ]
  await run(
    'java',
    java('128m', 'kafka.tools.StorageTool', [
      'format',
      '--standalone',
      '-t',
      randomUUID(),
      '-c',
      properties,
    ])
  )
  let child: ChildProcess | null = null
  const address = `127.0.0.1:${port}`
  const start = async (): Promise<void> => {
    child = spawn('java', java('512m', 'kafka.Kafka', [properties]), { stdio: 'ignore' })
    await answers(address, child)
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child
    child = null
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await ended
  }
  await start()
  return {
    address,
    kill: () => end('SIGKILL'),
    start,
    stop: async () => {
      await end('SIGKILL')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const settings = (at: { dir: string; port: number; controller: number }): string =>
  [
    'process.roles=broker,controller',
    'node.id=1',
    `listeners=PLAINTEXT://127.0.0.1:${at.port},CONTROLLER://127.0.0.1:${at.controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${at.port}`,
    'controller.listener.names=CONTROLLER',
    `controller.quorum.bootstrap.servers=127.0.0.1:${at.controller}`,
    `log.dirs=${join(at.dir, 'log')}`,
    'auto.create.topics.enable=false',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'group.initial.rebalance.delay.ms=0',
    '',
  ].join('\n')

/** The broker's jars from Maven Central, brought once per machine. */
async function broughtJars(): Promise<string> {
  if (!existsSync(JARS)) {
    const work = await mkdtemp(join(tmpdir(), 'trestle-kafka-jars-'))
    await writeFile(
      join(work, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>trestle</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency></dependencies>
</project>`
    )
    const target = join(work, 'jars')
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${target}`], {
      cwd: work,
    })
    await mkdir(join(JARS, '..'), { recursive: true })
    // Two test files may bring them at once; the second finds the first's.
    await rename(target, JARS).catch(() => undefined)
    await rm(work, { recursive: true, force: true })
  }
  return (await readdir(JARS)).map((jar) => join(JARS, jar)).join(':')
}

async function answers(address: string, child: ChildProcess): Promise<void> {
  const kafka = createKafka({ brokers: [address], isTls: false, sasl: null })
  for (let attempt = 0; attempt < 120; attempt++) {
    if (child.exitCode !== null) throw new Error(`Kafka ended with ${child.exitCode}`)
    const is = await kafka.check().then(
      () => true,
      () => false
    )
    if (is) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error('Kafka did not start within 30 s')
}
