import type { Stream } from '@trestle/contract'
import type { TrestleClient } from '@trestle/sdk'
import type { Command } from 'commander'
import { contextOf, type Context } from '../context.ts'
import { parseCount } from '../parse/key-value.ts'

type Act = (client: TrestleClient['streams'], input: { name: string }) => Promise<Stream>

const ACTIONS: readonly (readonly [name: string, description: string, act: Act])[] = [
  ['pause', 'take no more records until it is resumed', (c, i) => c.pauseStream(i)],
  ['resume', 'go on where it stood', (c, i) => c.resumeStream(i)],
]

type PutOptions = {
  endpoint: string
  from: string
  to: string
  deadLetter?: string
  group?: string
  maxRows?: number
  maxWaitMs?: number
}

/** `trestle streams …` */
export function addStreamCommands(program: Command): void {
  const streams = program
    .command('streams')
    .description('streams: a Kafka topic scored into another')

  streams
    .command('list', { isDefault: true })
    .description('list streams')
    .addHelpText('after', '\nExample:\n  trestle streams list')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.streams.listStreams()
      out.table(
        items,
        [
          ['name', (s) => s.name],
          ['endpoint', (s) => s.endpoint],
          ['from', (s) => s.input],
          ['to', (s) => s.output],
          ['state', (s) => s.state],
          ['waiting', (s) => s.lag],
          ['scored', (s) => s.records.scored],
          ['put aside', (s) => s.records.deadLettered],
        ],
        'No streams. Declare one: trestle streams put payments --endpoint fraud --from payments --to payments.scored'
      )
    })

  streams
    .command('put')
    .description('score a Kafka topic into another, each record exactly once')
    .argument('<name>')
    .requiredOption('--endpoint <name>', 'what scores')
    .requiredOption('--from <topic>', 'the topic that is read')
    .requiredOption('--to <topic>', 'the topic that gets the predictions')
    .option('--dead-letter <topic>', 'gets records that can not be scored; <from>.dlq')
    .option('--group <name>', 'the consumer group; trestle.<project>.<name>')
    .option('--max-rows <n>', 'records of a micro-batch at most', parseCount)
    .option('--max-wait-ms <ms>', 'a micro-batch goes out this long after its first', parseCount)
    .addHelpText(
      'after',
      '\nExample:\n  trestle streams put payments --endpoint fraud --from payments --to payments.scored'
    )
    .action(async (name: string, o: PutOptions, command: Command) => {
      const { client, ...context } = contextOf(command)
      const stream = await client.streams.putStream({
        name,
        endpoint: o.endpoint,
        input: o.from,
        output: o.to,
        ...(o.deadLetter === undefined ? {} : { deadLetter: o.deadLetter }),
        ...(o.group === undefined ? {} : { group: o.group }),
        ...(o.maxRows === undefined ? {} : { maxRows: o.maxRows }),
        ...(o.maxWaitMs === undefined ? {} : { maxWaitMs: o.maxWaitMs }),
      })
      show(context, stream)
    })

  streams
    .command('show')
    .description('show a stream and how it goes')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  trestle streams show payments')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { client, ...context } = contextOf(command)
      show(context, await client.streams.getStream({ name }))
    })

  for (const [action, description, act] of ACTIONS)
    streams
      .command(action)
      .description(description)
      .argument('<name>')
      .addHelpText('after', `\nExample:\n  trestle streams ${action} payments`)
      .action(async (name: string, _options: unknown, command: Command) => {
        const { client, out } = contextOf(command)
        const stream = await act(client.streams, { name })
        if (!out.json(stream)) out.say(`${stream.name} is ${stream.state}.`)
      })

  streams
    .command('delete')
    .description('forget a stream; its topics and its group stay')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  trestle streams delete payments')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      await client.streams.deleteStream({ name })
      if (!out.json({})) out.say(`${name} is forgotten.`)
    })
}

function show({ out }: Pick<Context, 'out'>, stream: Stream): void {
  out.record(stream, [
    ['name', stream.name],
    ['endpoint', stream.endpoint],
    ['from', stream.input],
    ['to', stream.output],
    ['put aside to', stream.deadLetter],
    ['group', stream.group],
    ['state', stream.state],
    ['error', stream.error],
    ['records waiting', stream.lag],
    ['scored', stream.records.scored],
    ['put aside', stream.records.deadLettered],
  ])
}
