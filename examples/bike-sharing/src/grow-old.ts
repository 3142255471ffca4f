import type { DriftReport } from '@trestle/contract'
import type { TrestleClient } from '@trestle/sdk'
import { ENDPOINT, MONTH, QUALITY } from './definitions.ts'
import type { Scenario } from './traffic.ts'
import { until } from './until.ts'

const CALENDAR = ['hr', 'weekday', 'workingday']
const TEMPERATURE = ['temp', 'atemp']

/** The monitors have seen the seasons change and the model fail. */
export async function checkMonitors({ client, facts }: Scenario, hours: number): Promise<void> {
  facts.step('What the monitors found')
  const windows = Math.floor(hours / MONTH)
  const seasons = await windowsOf(client, 'seasons', windows)
  for (const { columnReports, driftedColumns, summary } of seasons) {
    const effects = [...TEMPERATURE, 'hum', 'hr'].map((name) => {
      const found = columnReports.find(({ column }) => column === name)
      return `${name} ${found?.effect.value?.toFixed(2) ?? '?'}`
    })
    facts.say(
      `inputs: ${summary} (PSI ${effects.join(', ')}; drifted ${driftedColumns.join(', ')})`
    )
  }
  const quality = await windowsOf(client, QUALITY.name, windows - 1)
  for (const report of quality)
    facts.say(`error ${maeOf(report).toFixed(1)}: ${report.quality?.finding ?? ''}`)

  const alerts = (await client.monitoring.listAlerts({ endpoint: ENDPOINT })).items
  const drift = alerts.find(({ kind, monitor }) => kind === 'drift' && monitor === 'seasons')
  facts.check(
    'an alert names temperature as the first cause of drift',
    drift?.state === 'firing' && TEMPERATURE.includes(drift.columns[0] ?? ''),
    drift?.title
  )
  facts.check(
    'the calendar is blamed in no window',
    seasons.every(({ driftedColumns }) => !driftedColumns.some((c) => CALENDAR.includes(c))),
    `${seasons.length} windows`
  )
  const errors = quality.map(maeOf)
  const [reference = NaN] = quality.map(({ quality: q }) => q?.referenceMetrics?.['mae'] ?? NaN)
  facts.check(
    'the reports show the error rising: twice its first month’s at once, three times by summer',
    (errors[0] ?? 0) > 2 * reference && Math.max(...errors) > 3 * reference,
    [reference, ...errors].map((error) => error.toFixed(1)).join(' → ')
  )
  const worse = alerts.find(({ kind, monitor }) => kind === 'quality' && monitor === QUALITY.name)
  facts.check(
    'an alert pages for the worse predictions',
    worse?.severity === 'page' && worse.state === 'firing',
    worse?.summary
  )
}

/** The windows of a monitor in order of time, once all of them are judged: monitors look by themselves, every few seconds. */
async function windowsOf(
  client: TrestleClient,
  name: string,
  count: number
): Promise<DriftReport[]> {
  const { items } = await until(
    () => client.monitoring.listDrift({ monitor: name, limit: 100 }),
    (page) => page.items.length >= count,
    `${count} windows of the monitor "${name}"`
  )
  return Promise.all(items.toReversed().map(({ id }) => client.monitoring.getDrift({ id })))
}

const maeOf = ({ quality }: DriftReport): number => quality?.metrics['mae'] ?? NaN
