import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'

/** `trestle predictions …` */
export function addPredictionCommands(program: Command): void {
  program
    .command('predictions')
    .description('the inference log: what was asked and answered')
    .command('export')
    .description('write the log of an endpoint into a Parquet file; masked columns stay masked')
    .argument('<endpoint>', 'the endpoint')
    .option('--from <time>', 'from this moment on, such as 2026-11-23T18:00Z')
    .option('--to <time>', 'until before this moment')
    .option('-o, --out <file>', 'where to', 'predictions.parquet')
    .addHelpText(
      'after',
      '\nExample:\n  trestle predictions export fraud --from 2026-11-23 -o fraud.parquet'
    )
    .action(
      async (
        endpoint: string,
        { from, to, out: file }: { from?: string; to?: string; out: string },
        command: Command
      ) => {
        const { client, out } = contextOf(command)
        const at = (text: string): number => {
          const time = Date.parse(text)
          return Number.isNaN(time) ? command.error(`error: "${text}" is no time`) : time
        }
        const stream = await client.exportPredictions({
          endpoint,
          ...(from === undefined ? {} : { from: at(from) }),
          ...(to === undefined ? {} : { to: at(to) }),
        })
        await pipeline(stream, createWriteStream(file))
        if (!out.json({ file })) out.say(`Written to ${file}.`)
      }
    )
}
