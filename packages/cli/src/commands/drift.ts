import { writeFile } from 'node:fs/promises'
import type { DriftReport } from '@trestle/contract'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { firstItems } from '../every-page.ts'
import { showTime, type Output } from '../output.ts'
import { parseCount } from '../parse/key-value.ts'
import { withProgress } from '../progress.ts'
import { addDriftReportCommands, DRIFT_COLUMNS } from './drift-report.ts'

type Which = { endpoint?: string; monitor?: string; firing?: boolean; limit: number }

/** `trestle drift …` */
export function addDriftCommands(program: Command): void {
  const drift = program
    .command('drift')
    .description('drift reports, the monitors that make them, and their alerts')

  drift
    .command('list', { isDefault: true })
    .description('list drift reports, newest first')
    .option('--endpoint <name>', 'of this endpoint only')
    .option('--monitor <name>', 'of this monitor only')
    .option('--limit <n>', 'how many', parseCount, 20)
    .addHelpText('after', '\nExample:\n  trestle drift list --monitor fraud-inputs')
    .action(async ({ endpoint, monitor, limit }: Which, command: Command) => {
      const { client, out } = contextOf(command)
      const items = await firstItems(
        (q) =>
          client.monitoring.listDrift({
            ...q,
            ...(endpoint === undefined ? {} : { endpoint }),
            ...(monitor === undefined ? {} : { monitor }),
          }),
        limit
      )
      out.table(
        items,
        [
          ['id', (r) => r.id],
          ['monitor', (r) => r.monitor],
          ['state', (r) => r.state],
          ['rows', (r) => r.rows],
          ['drifted', (r) => `${r.driftedColumns.length} of ${r.columns}`],
          ['from', (r) => showTime(r.from)],
          ['to', (r) => showTime(r.to)],
          ['summary', (r) => r.summary],
        ],
        'No drift reports yet. "trestle drift monitors" shows what is watched.'
      )
    })

  drift
    .command('show')
    .description(
      'show a drift report: its columns, worst first, with effect, adjusted p and finding'
    )
    .argument('<report-id>')
    .option('--html <file>', 'save it as a page that opens anywhere')
    .addHelpText('after', '\nExample:\n  trestle drift show dr_01K…')
    .action(async (id: string, { html }: { html?: string }, command: Command) => {
      const { client, out } = contextOf(command)
      const report = await client.monitoring.getDrift({ id })
      if (html !== undefined)
        await writeFile(html, (await client.monitoring.getDriftPage({ id })).html)
      if (!out.json(report)) showReport(out, report)
    })

  drift
    .command('monitors')
    .description('list monitors and their state')
    .option('--endpoint <name>', 'of this endpoint only')
    .addHelpText('after', '\nExample:\n  trestle drift monitors')
    .action(async ({ endpoint }: { endpoint?: string }, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.monitoring.listMonitors(
        endpoint === undefined ? {} : { endpoint }
      )
      out.table(
        items,
        [
          ['monitor', (m) => m.spec.name],
          ['endpoint', (m) => m.spec.endpoint],
          ['variant', (m) => m.spec.variant ?? 'all'],
          ['state', (m) => m.state],
          ['reference', (m) => m.spec.reference.detail],
          ['evaluated', (m) => showTime(m.lastEvaluatedAt)],
          ['summary', (m) => m.summary],
        ],
        'No monitors. Declare one in a file and run: trestle apply trestle.config.ts'
      )
    })

  drift
    .command('evaluate')
    .description('evaluate the windows of a monitor that are due, or else the latest rows')
    .argument('<monitor>')
    .addHelpText('after', '\nExample:\n  trestle drift evaluate fraud-inputs')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const answer = await withProgress(`Evaluating ${name}`, () =>
        client.monitoring.evaluateMonitor({ name })
      )
      if (out.json(answer)) return
      for (const report of answer.reports) {
        showReport(out, report)
        out.say('')
      }
      out.say(`${name} is ${answer.monitor.state}: ${answer.monitor.summary}`)
    })

  drift
    .command('alerts')
    .description('list alerts, newest first')
    .option('--firing', 'only those that are not over')
    .option('--endpoint <name>', 'of this endpoint only')
    .option('--limit <n>', 'how many', parseCount, 50)
    .addHelpText('after', '\nExample:\n  trestle drift alerts --firing')
    .action(async ({ firing, endpoint, limit }: Which, command: Command) => {
      const { client, out } = contextOf(command)
      const items = await firstItems(
        (q) =>
          client.monitoring.listAlerts({
            ...q,
            ...(firing === true ? { state: 'firing' as const } : {}),
            ...(endpoint === undefined ? {} : { endpoint }),
          }),
        limit
      )
      out.table(
        items,
        [
          ['since', (a) => showTime(a.startsAt)],
          ['state', (a) => (a.isSilenced ? `${a.state} (silenced)` : a.state)],
          ['severity', (a) => a.severity],
          ['endpoint', (a) => a.endpoint],
          ['monitor', (a) => a.monitor],
          ['title', (a) => a.title],
          ['columns', (a) => a.columns.join(' ')],
          [
            'did',
            (a) =>
              a.actions
                .map((action) => `${action.do}: ${action.outcome ?? action.state}`)
                .join('; '),
          ],
          ['report', (a) => a.reportId],
        ],
        'No alerts.'
      )
    })

  addDriftReportCommands(drift)
}

function showReport(out: Output, report: DriftReport): void {
  out.record(report, [
    ['report', report.id],
    ['monitor', `${report.monitor} on ${report.endpoint}`],
    ['state', report.state],
    [
      'window',
      `${showTime(report.from) ?? ''} to ${showTime(report.to) ?? ''}, ${report.rows} rows`,
    ],
    ['summary', report.summary],
    ['quality', report.quality && `${report.quality.state}: ${report.quality.finding}`],
  ])
  out.say('')
  out.table(report.columnReports, DRIFT_COLUMNS, 'No columns.')
}
