import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createKafka } from '../../src/platform/kafka/index.ts'
import { freePort } from './free-port.ts'
import { broughtJars, canRun, type Jars } from './maven-jars.ts'

const run = promisify(execFile)
const BROKER: Jars = {
  name: 'kafka',
  group: 'org.apache.kafka',
  artifact: 'kafka_2.13',
  version: '4.1.1',
}

/** Whether this machine can run a broker. In CI it must. */
export const hasKafka = (): boolean => canRun(BROKER)

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
  const jars = await broughtJars(BROKER)
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
