import type { Consistency } from '@trestle/contract'
import { InvalidArgumentError, type Command } from 'commander'
import { contextOf, LONG_CALL_MS } from '../context.ts'
import { showTime } from '../output.ts'

type Options = { check?: boolean; min?: number }

/** `trestle features consistency` */
export function addConsistencyCommand(features: Command): void {
  features
    .command('consistency')
    .description('how often a served value is the one that training sees, over the last 24 hours')
    .argument('[view]')
    .option('--check', 'check the reads that wait first')
    .option(
      '--min <share>',
      'exit with 1 when less than this share is as known, for scripts',
      share
    )
    .addHelpText('after', '\nExample:\n  trestle features consistency --min 1')
    .action(async (view: string | undefined, options: Options, command: Command) => {
      const { client, out } = contextOf(command, { timeoutMs: LONG_CALL_MS })
      if (options.check === true) await client.features.checkConsistency({})
      const report = await client.features.consistency(view === undefined ? {} : { view })
      const values = report.items.reduce((sum, c) => sum + c.values, 0)
      const asKnown = report.items.reduce((sum, c) => sum + c.asKnown, 0)
      const isShort = options.min !== undefined && (values === 0 || asKnown / values < options.min)
      if (isShort) process.exitCode = 1
      if (out.json(report)) return
      out.table(
        report.items,
        [
          ['view', (c) => `${c.view}@v${c.version}`],
          ['reads', (c) => c.reads],
          ['values', (c) => c.values],
          ['as known', (c) => percent(c.asKnown, c.values)],
          ['as corrected', (c) => percent(c.asCorrected, c.values)],
          ['why not', (c) => causesOf(c)],
          ['last read', (c) => showTime(c.lastReadAt)],
        ],
        'No served values were checked yet. Reads are sampled; they are checked half a minute later.'
      )
      for (const c of report.items)
        for (const e of c.examples.filter((one) => one.cause !== null).slice(0, 3))
          out.say(
            `${c.view}:${e.feature} of ${JSON.stringify(e.keys)} at ${showTime(e.at) ?? ''}: served ${JSON.stringify(e.served)}, known ${JSON.stringify(e.known)} (${e.cause ?? ''})`
          )
      if (isShort)
        out.say(
          values === 0
            ? 'Nothing was checked, which is no proof.'
            : `${percent(asKnown, values)} as known, less than was asked for.`
        )
    })
}

const causesOf = ({ causes }: Consistency): string =>
  Object.entries(causes)
    .filter(([, n]) => n > 0)
    .map(([cause, n]) => `${n} ${cause}`)
    .join(', ')

const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${(Math.floor((part / whole) * 1e6) / 1e4).toString()} %`

function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Give a share from 0 to 1, like 0.999.')
  return value
}
