import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { collectPair, rowOf, type Pairs } from '../parse/key-value.ts'
import { parseObject } from '../parse/ndjson.ts'

type PredictOptions = { data?: string; variant?: string; stickyKey?: string; example?: boolean }

/** `trestle endpoints predict` */
export function addPredictCommand(endpoints: Command): void {
  endpoints
    .command('predict')
    .description('ask an endpoint for a prediction of one row')
    .argument('<endpoint>')
    .argument(
      '[key=value...]',
      'inputs and entity ids; numbers, true and null are read as such',
      collectPair
    )
    .option('--data <json>', 'the row as one JSON object instead')
    .option('--example', "ask with the endpoint's own example")
    .option('--variant <name>', 'ask this variant, whatever the traffic says')
    .option('--sticky-key <key>', 'who is asked for: the same key gets the same variant')
    .addHelpText(
      'after',
      '\nExample:\n  trestle endpoints predict fraud amount=120.5 customer_id=c7 --variant v2'
    )
    .action(
      async (
        endpoint: string,
        given: Pairs | readonly [], // commander's own value for none
        options: PredictOptions,
        command: Command
      ) => {
        const { client, out } = contextOf(command)
        const pairs = Object.keys(given).length === 0 ? undefined : (given as Pairs) // else it is what collectPair made
        const ways = [pairs, options.data, options.example].filter((way) => way !== undefined)
        if (ways.length !== 1) command.error('error: give key=value pairs, or --data, or --example')
        const { variant, stickyKey } = options
        const row =
          options.data !== undefined
            ? parseData(options.data, command)
            : pairs !== undefined
              ? rowOf(pairs)
              : (await client.serving.getSchema({ endpoint })).example
        const answer = await client.predict(
          endpoint,
          row as Parameters<typeof client.predict>[1], // the server says what is wrong with a value
          {
            ...(variant === undefined ? {} : { variant }),
            ...(stickyKey === undefined ? {} : { stickyKey }),
          }
        )
        if (out.json(answer)) return
        out.record(answer, [
          ...Object.entries(answer.outputs).map(
            ([name, value]) =>
              [name, typeof value === 'string' ? value : JSON.stringify(value)] as const
          ),
          ['variant', answer.variant],
          ['prediction', answer.predictionId],
        ])
      }
    )
}

function parseData(text: string, command: Command): Record<string, unknown> {
  try {
    return parseObject(text, '--data')
  } catch (error) {
    return command.error(`error: ${error instanceof Error ? error.message : String(error)}`)
  }
}
