import { createWriteStream } from 'node:fs'
import { extname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TrestleClient } from '@trestle/sdk'
import { Option, type Command } from 'commander'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import { withProgress } from '../progress.ts'

type Mode = 'as-known' | 'as-corrected'
type Options = { service: string; rows: string; mode: Mode; out?: string }

/** `trestle features training-set` and `trestle features download` */
export function addTrainingCommands(features: Command): void {
  features
    .command('training-set')
    .description('join the features of a service to entity rows as they were at each row’s instant')
    .argument('<name>')
    .requiredOption('--service <service>', 'whose features, such as activity or activity@v2')
    .requiredOption(
      '--rows <path>',
      'a .csv or .parquet file that the server reads: keys, event_timestamp, labels'
    )
    .addOption(
      new Option('--mode <mode>', 'what was known then, or all that is known now')
        .choices(['as-known', 'as-corrected'])
        .default('as-corrected')
    )
    .option('--out <file>', 'write the rows to a .parquet or .arrow file')
    .addHelpText(
      'after',
      '\nExample:\n  trestle features training-set churn --service activity --rows labels.parquet --out churn.arrow'
    )
    .action(async (name: string, options: Options, command: Command) => {
      const { service, rows, mode, out: file } = options
      if (file !== undefined) formatOf(file)
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      const set = await withProgress('Joining', () =>
        client.features.createTrainingSet({
          name,
          service,
          mode,
          file: { kind: extname(rows) === '.csv' ? 'csv' : 'parquet', path: rows },
        })
      )
      if (file !== undefined) await download(client, set.digest, file)
      if (out.json(set)) return
      out.say(`${set.name}: ${set.rows} rows of ${set.views.join(', ')}, ${mode}.`)
      out.say(file === undefined ? set.digest : `Written to ${file} (${set.digest}).`)
    })

  features
    .command('download')
    .description('write a training set to a file')
    .argument('<digest>')
    .requiredOption('--out <file>', 'a .parquet or .arrow file')
    .addHelpText('after', '\nExample:\n  trestle features download 3f9a… --out churn.parquet')
    .action(async (digest: string, { out: file }: { out: string }, command: Command) => {
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      await download(client, digest, file)
      if (!out.json({ digest, file })) out.say(`Written to ${file}.`)
    })
}

async function download(client: TrestleClient, digest: string, file: string): Promise<void> {
  const bytes = await client.trainingSetFile(digest, { format: formatOf(file) })
  await pipeline(
    Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0]),
    createWriteStream(file)
  )
}

function formatOf(file: string): 'parquet' | 'arrow' {
  const extension = extname(file)
  if (extension === '.parquet') return 'parquet'
  if (extension === '.arrow' || extension === '.feather') return 'arrow'
  throw new Error(`${file}: name a .parquet or .arrow file`)
}
