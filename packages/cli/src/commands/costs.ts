import type { CostReport } from '@trestle/contract'
import { InvalidArgumentError, type Command } from 'commander'
import { contextOf } from '../context.ts'
import { showTime, type Column, type Output } from '../output.ts'
import { parseMoment } from '../parse/duration.ts'
import { parseList } from '../parse/key-value.ts'
import { addPriceCommands } from './costs-prices.ts'

const GROUPS: readonly string[] = [
  'hour',
  'day',
  'project',
  'endpoint',
  'variant',
  'version',
  'role',
  'apiKey',
  'tag',
  'model',
  'meter',
]

type ReportOptions = { by: readonly string[]; endpoint?: string; since?: number; until?: number }

/** `trestle costs …` */
export function addCostCommands(program: Command): void {
  const costs = program.command('costs').description('what predictions cost, budgets and prices')

  costs
    .command('report', { isDefault: true })
    .description('what was spent on what, idle time included')
    .option('--by <what>', `${GROUPS.join(', ')}; several with commas`, parseGroups, ['endpoint'])
    .option('--endpoint <name>', 'of this endpoint only')
    .option('--since <time>', '7d, 2h, or a time', parseMoment)
    .option('--until <time>', 'a time, or how long ago', parseMoment)
    .addHelpText('after', '\nExample:\n  trestle costs --by variant,day --since 7d')
    .action(async ({ by, endpoint, since, until }: ReportOptions, command: Command) => {
      const { client, out } = contextOf(command)
      const report = await client.costs.getCostReport({
        groupBy: by.join(','),
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(since === undefined ? {} : { from: since }),
        ...(until === undefined ? {} : { to: until }),
      })
      if (!out.json(report)) showReport(out, report, by)
    })

  costs
    .command('budgets')
    .description('budgets, what is spent, and where it is heading')
    .addHelpText('after', '\nExample:\n  trestle costs budgets')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.costs.listBudgets()
      out.table(
        items,
        [
          ['name', (b) => b.name],
          [
            'for',
            (b) => b.endpoint ?? b.tag ?? b.apiKey ?? (b.everyProject ? 'all projects' : 'all'),
          ],
          ['budget', (b) => `${b.usd} a ${b.period}`],
          ['spent', (b) => b.spentUsd],
          ['share', (b) => (b.share === null ? null : `${(b.share * 100).toFixed(1)}%`)],
          ['state', (b) => b.state],
          ['held', (b) => b.heldUsd],
          ['forecast', (b) => b.forecastUsd],
          ['burn', (b) => b.burnRate?.toFixed(2)],
          ['spent by', (b) => showTime(b.exhaustedAt)],
          ['hard stop', (b) => (b.hardStop ? 'yes' : 'no')],
        ],
        'No budgets. Declare one in a file and run: trestle apply trestle.config.ts'
      )
    })

  costs
    .command('utilisation')
    .description('how busy CPUs and GPUs were, beside what predictions own of their time')
    .option('--since <time>', '24h, or a time', parseMoment)
    .addHelpText('after', '\nExample:\n  trestle costs utilisation --since 7d')
    .action(async ({ since }: { since?: number }, command: Command) => {
      const { client, out } = contextOf(command)
      const report = await client.costs.getUtilisation(since === undefined ? {} : { from: since })
      if (out.json(report)) return
      out.table(
        report.devices.flatMap((device) =>
          (device.units.length === 0 ? [null] : device.units).map((unit) => ({ device, unit }))
        ),
        [
          ['device', ({ device }) => device.device],
          ['unit', ({ unit }) => unit?.name],
          ['busy', ({ unit }) => percent(unit?.measuredShare)],
          ['peak', ({ unit }) => percent(unit?.peakShare)],
          ['of predictions', ({ device }) => percent(device.meteredShare)],
          ['bill', ({ device }) => device.billUsd],
          ['idle', ({ device }) => device.idleUsd],
          ['memory peak', ({ unit }) => gib(unit?.memoryPeakBytes)],
          ['energy kWh', ({ unit }) => unit?.energyKwh?.toFixed(3)],
        ],
        'Nothing was seen yet.'
      )
    })

  costs
    .command('advice')
    .description('what could be saved, with the numbers that say so')
    .option('--since <time>', '24h, or a time', parseMoment)
    .addHelpText('after', '\nExample:\n  trestle costs advice --since 7d')
    .action(async ({ since }: { since?: number }, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.costs.listAdvice(since === undefined ? {} : { from: since })
      if (out.json(items)) return
      if (items.length === 0) out.say('Too little was predicted to advise anything.')
      for (const { kind, subject, verdict, says, savesUsdPerMonth, numbers } of items) {
        const saved =
          savesUsdPerMonth === null ? '' : `, saves $${savesUsdPerMonth.toFixed(2)} a month`
        out.say(`${kind} · ${subject} · ${verdict}${saved}\n  ${says}`)
        for (const { name, value, unit } of numbers)
          out.say(`    ${name}: ${value === null ? 'not known' : `${value} ${unit}`.trim()}`)
        out.say('')
      }
    })

  costs
    .command('rates')
    .description('rate cards: prices of devices, with their dates')
    .addHelpText('after', '\nExample:\n  trestle costs rates')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.costs.listRateCards()
      out.table(
        items,
        [
          ['name', (r) => (r.isDefault ? `${r.name} (built in)` : r.name)],
          ['device', (r) => r.device],
          ['usd/unit hour', (r) => r.usdPerUnitHour],
          ['units', (r) => r.units ?? 'all'],
          ['from', (r) => showTime(r.validFrom)],
          ['to', (r) => showTime(r.validTo)],
          ['source', (r) => r.source],
        ],
        'No rate cards.'
      )
    })

  addPriceCommands(costs)
}

function showReport(out: Output, report: CostReport, by: readonly string[]): void {
  const groups: Column<CostReport['rows'][number]>[] = by.map((key) => [
    key,
    (row) => row.group[key],
  ])
  out.table(
    report.rows,
    [
      ...groups,
      ['predictions', (r) => r.predictions],
      ['busy s', (r) => r.busySeconds.toFixed(3)],
      ['tokens in', (r) => r.inputTokens],
      ['tokens out', (r) => r.outputTokens],
      ['direct usd', (r) => r.directUsd],
      ['loaded usd', (r) => r.loadedUsd],
      ['loaded/1000', (r) => r.loadedUsdPer1000],
      ['status', (r) => r.status],
    ],
    'Nothing was used in this time.'
  )
  const { bill } = report
  out.say(
    `\nThe bill from ${showTime(report.from) ?? ''} to ${showTime(report.to) ?? ''}: ${bill.billUsd} usd (${bill.status}), of it ${bill.directUsd} for work and ${bill.idleUsd} idle.`
  )
}

function parseGroups(text: string): readonly string[] {
  const groups = parseList(text)
  const wrong = groups.find((group) => !GROUPS.includes(group))
  if (wrong !== undefined)
    throw new InvalidArgumentError(`there is no "${wrong}"; there are ${GROUPS.join(', ')}`)
  return groups
}

const percent = (share: number | null | undefined): string | null =>
  share == null ? null : `${(share * 100).toFixed(1)}%`
const gib = (bytes: number | null | undefined): string | null =>
  bytes == null ? null : `${(bytes / 2 ** 30).toFixed(2)} GiB`
