import type { Api, RouteInput, RouteResult } from '@trestle/contract'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime } from '../output.ts'
import { parseMoment } from '../parse/duration.ts'
import { parseList } from '../parse/key-value.ts'

type Freeze = RouteResult<Api['rollouts']['putFreezeWindow']>
type When = RouteInput<Api['rollouts']['putFreezeWindow']>['when']
type Day = Extract<When, { kind: 'weekly' }>['days'][number]
type AddOptions = {
  endpoint?: string
  reason?: string
  from: string
  to: string
  days?: readonly string[]
  timeZone?: string
}

/** `trestle rollouts freeze …` */
export function addFreezeCommands(rollouts: Command): void {
  const freeze = rollouts
    .command('freeze')
    .description('times in which no rollout takes a step forward; harm still rolls back')

  freeze
    .command('list', { isDefault: true })
    .description('list freeze windows')
    .addHelpText('after', '\nExample:\n  trestle rollouts freeze list')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.rollouts.listFreezeWindows()
      out.table(
        items,
        [
          ['name', (w) => w.name],
          ['endpoint', (w) => w.endpoint ?? 'every one'],
          ['when', (w) => sayWhen(w.when)],
          ['now', (w) => (w.isFrozen ? 'frozen' : 'open')],
          ['reason', (w) => w.reason],
        ],
        'No freeze windows. Make one: trestle rollouts freeze add nights --days mon,tue,wed,thu,fri --from 18:00 --to 08:00'
      )
    })

  freeze
    .command('add')
    .description('make or change a freeze window')
    .argument('<name>')
    .requiredOption('--from <time>', 'a moment (2026-12-24), or with --days a time of day (18:00)')
    .requiredOption('--to <time>', 'when it ends, likewise')
    .option('--days <list>', 'every week on these days, e.g. fri,sat,sun', parseList)
    .option('--time-zone <name>', 'whose clocks, e.g. Europe/Berlin; UTC when nothing is said')
    .option('--endpoint <name>', 'for this endpoint only')
    .option('--reason <text>', 'why; rollouts that wait for it say so')
    .addHelpText(
      'after',
      `
Example:
  trestle rollouts freeze add christmas --from 2026-12-23 --to 2027-01-02 --reason "peak season"
  trestle rollouts freeze add weekends --days sat,sun --from 00:00 --to 00:00 --time-zone Europe/Berlin`
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      const { client, out } = contextOf(command)
      const made = await client.rollouts.putFreezeWindow({
        name,
        endpoint: options.endpoint ?? null,
        when: whenOf(options),
        ...(options.reason === undefined ? {} : { reason: options.reason }),
      })
      if (!out.json(made))
        out.say(
          `${made.name}: ${sayWhen(made.when)}${made.isFrozen ? '. It holds from now on.' : '.'}`
        )
    })

  freeze
    .command('remove')
    .description('delete a freeze window')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  trestle rollouts freeze remove christmas')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      await client.rollouts.deleteFreezeWindow({ name })
      if (!out.json({ name })) out.say(`${name} is gone.`)
    })
}

function whenOf({ days, from, to, timeZone }: AddOptions): When {
  if (days === undefined) return { kind: 'once', from: parseMoment(from), to: parseMoment(to) }
  const zone = timeZone === undefined ? {} : { timeZone }
  return { kind: 'weekly', days: days as Day[], from, to, ...zone } // the server says which days there are
}

function sayWhen(when: Freeze['when']): string {
  return when.kind === 'once'
    ? `${showTime(when.from)} to ${showTime(when.to)}`
    : `${when.days.join(', ')} ${when.from} to ${when.to} ${when.timeZone}`
}
