import { stat } from 'node:fs/promises'
import type { TrestleClient } from '@trestle/sdk'
import { Option, type Command } from 'commander'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import { showTime } from '../output.ts'
import { parseMoment, showDuration } from '../parse/duration.ts'
import { readNdjson } from '../parse/ndjson.ts'
import { withProgress, type Progress } from '../progress.ts'

const ROWS_A_CALL = 5_000
const LOOK_EVERY_MS = 500

type PushOptions = { to: 'online' | 'offline' | 'both' }
type MaterializeOptions = { full?: boolean; from?: number; to?: number }
type PushRows = Parameters<TrestleClient['features']['push']>[0]['rows']

/** `trestle features push` and `trestle features materialize` */
export function addFeatureWriteCommands(features: Command): void {
  features
    .command('push')
    .description(
      'store the rows of a file, one JSON object a line: keys, features, event_timestamp'
    )
    .argument('<view>')
    .argument('<file>', 'an .ndjson file, or - for standard input')
    .addOption(new Option('--to <store>').choices(['online', 'offline', 'both']).default('both'))
    .addHelpText('after', '\nExample:\n  trestle features push customer_stats rows.ndjson')
    .action(async (view: string, file: string, options: PushOptions, command: Command) => {
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      if (file !== '-') await stat(file) // a missing file is said before anything is sent
      const pushed = await withProgress(`Pushing to ${view}`, async (progress) => {
        let rows = 0
        for await (const batch of readNdjson(file, ROWS_A_CALL)) {
          // the server says which row is wrong, and stores nothing of a batch with one
          await client.features.push({ view, to: options.to, rows: batch as PushRows })
          rows += batch.length
          progress.update(`Pushed ${rows} rows to ${view}`)
        }
        return rows
      })
      if (!out.json({ view, rows: pushed })) out.say(`${pushed} rows are in ${view}.`)
    })

  addProgressCommand(features)
  features
    .command('materialize')
    .description('read new source files and bring the online store up to date; all views, or one')
    .argument('[view]')
    .option('--full', 'everything in a range of event times, not just what is new')
    .option('--from <time>', 'with --full: 7d ago, or a time', parseMoment)
    .option('--to <time>', 'with --full: until when', parseMoment)
    .addHelpText(
      'after',
      '\nExample:\n  trestle features materialize customer_stats --full --from 30d'
    )
    .action(async (view: string | undefined, options: MaterializeOptions, command: Command) => {
      const { full = false, from = null, to = null } = options
      if (!full && (from !== null || to !== null))
        command.error('error: --from and --to need --full')
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      const { views } = await withProgress('Materializing', async (progress) => {
        const stop = followMaterialization(client, progress)
        try {
          return await client.features.materialize({
            view: view ?? null,
            mode: full ? 'full' : 'incremental',
            from,
            to,
          })
        } finally {
          stop()
        }
      })
      out.table(
        views,
        [
          ['view', (v) => v.view],
          ['imported', (v) => v.importedRows],
          ['skipped', (v) => v.skippedRows],
          ['materialized', (v) => v.materializedRows],
          ['took', (v) => showDuration(v.durationMs)],
        ],
        'No view is kept online.'
      )
    })
}

function addProgressCommand(features: Command): void {
  features
    .command('progress')
    .description(
      'the materializations that are under way, scheduled ones too, and how far they are'
    )
    .addHelpText('after', '\nExample:\n  trestle features progress')
    .action(async (_options: object, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.features.materializations()
      out.table(
        items,
        [
          ['view', (m) => m.view],
          ['rows', (m) => m.rows],
          ['parts', (m) => `${m.segmentsDone} of ${m.segments}`],
          ['since', (m) => showTime(m.startedAt)],
        ],
        'Nothing is being materialized.'
      )
    })
}

/** Shows how far the server is, on a terminal. */
function followMaterialization(client: TrestleClient, progress: Progress): () => void {
  if (!process.stderr.isTTY) return () => undefined
  const look = async (): Promise<void> => {
    const { items } = await client.features.materializations()
    const now = items[0]
    if (now !== undefined)
      progress.update(
        `${now.view}: ${now.rows} rows`,
        now.segments === 0 ? null : now.segmentsDone / now.segments
      )
  }
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS) // the call itself will say what is wrong
  return () => {
    clearInterval(timer)
  }
}
