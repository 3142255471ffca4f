import { openAsBlob } from 'node:fs'
import type { LabelInput } from '@trestle/contract'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { parseScalar } from '../parse/key-value.ts'
import { readNdjson } from '../parse/ndjson.ts'
import { withProgress } from '../progress.ts'

const LABELS_A_CALL = 5_000

type ImportOptions = { idColumn: string; labelColumn: string; atColumn?: string }
type Counts = { accepted: number; changed: number; unchanged: number }

/** `trestle labels …` */
export function addLabelCommands(program: Command): void {
  const labels = program
    .command('labels')
    .description('labels: what turned out to be true of predictions')

  labels
    .command('post')
    .description('post the label of one prediction, or a file of them; the last word counts')
    .argument('[predictionId]', 'the id that the prediction came with')
    .argument('[value]', 'a number, true, false or a class')
    .option(
      '--file <labels.ndjson>',
      'one {"predictionId", "value", "at"} a line; - is standard input'
    )
    .addHelpText(
      'after',
      '\nExample:\n  trestle labels post pr_01K… 1\n  trestle labels post --file labels.ndjson'
    )
    .action(
      async (
        predictionId: string | undefined,
        text: string | undefined,
        { file }: { file?: string },
        command: Command
      ) => {
        const { client, out } = contextOf(command)
        if ((file === undefined) === (predictionId === undefined || text === undefined))
          command.error('error: give a prediction id and a value, or --file')
        const counts: Counts = { accepted: 0, changed: 0, unchanged: 0 }
        const post = async (some: readonly LabelInput[]): Promise<void> => {
          const answer = await client.monitoring.postLabels({ labels: [...some] })
          counts.accepted += answer.accepted
          counts.changed += answer.changed
          counts.unchanged += answer.unchanged
        }
        if (file === undefined)
          await post([
            { predictionId: predictionId ?? '', value: parseScalar(text ?? '') ?? 'null' },
          ])
        else
          await withProgress('Posting labels', async (progress) => {
            for await (const batch of readNdjson(file, LABELS_A_CALL)) {
              await post(batch as readonly LabelInput[]) // the server says which one is wrong
              progress.update(`Posted ${counts.accepted} labels`)
            }
          })
        if (!out.json(counts))
          out.say(
            `${counts.accepted} labels: ${counts.changed} changed, ${counts.unchanged} as they were.`
          )
      }
    )

  labels
    .command('import')
    .description('post a Parquet or CSV file of labels; sent again, it changes nothing')
    .argument('<file>', 'a .parquet or .csv file')
    .option('--id-column <name>', 'where prediction ids are', 'prediction_id')
    .option('--label-column <name>', 'where labels are', 'label')
    .option('--at-column <name>', 'when each became known: a time, or epoch milliseconds')
    .addHelpText(
      'after',
      '\nExample:\n  trestle labels import outcomes.parquet --label-column churned'
    )
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { client, out } = contextOf(command)
      const format = /\.(parquet|pq)$/i.test(file) ? 'parquet' : /\.csv$/i.test(file) ? 'csv' : null
      if (format === null) return command.error('error: a .parquet or .csv file is wanted')
      const told = await client.importLabels(await openAsBlob(file), {
        format,
        idColumn: options.idColumn,
        labelColumn: options.labelColumn,
        ...(options.atColumn === undefined ? {} : { atColumn: options.atColumn }),
      })
      if (out.json(told)) return
      out.say(
        `${told.accepted} labels: ${told.changed} changed, ${told.unchanged} as they were; ${told.joined} have their prediction, of ${told.unknown} it is not in the log.`
      )
      if (told.bad === 0) return
      out.say(`${told.bad} rows hold no label:`)
      out.table(
        told.badRows,
        [
          ['row', (bad) => bad.row],
          ['why', (bad) => bad.reason],
        ],
        ''
      )
    })
}
