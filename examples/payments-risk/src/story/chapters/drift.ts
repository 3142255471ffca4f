import { setTimeout as wait } from 'node:timers/promises'
import { expectThat } from '../expect-that.ts'
import { ENDPOINT, MONITOR, type Stage } from '../stage.ts'

const BROKEN = 'customer_stats__avg_amount_30d'
const PATIENCE_MS = 60_000
/** Payments come no faster than this: a window is judged two seconds after its last payment, however fast the machine is. */
const BETWEEN_BATCHES_MS = 400

/** First a quiet window, then an upstream job starts to publish zeros; the monitor has to name the feature. */
export async function detectDrift({ client, teller, payments }: Stage): Promise<void> {
  const firing = async () =>
    (await client.monitoring.listAlerts({ state: 'firing', endpoint: ENDPOINT })).items
  await client.monitoring.evaluateMonitor({ name: MONITOR })
  teller.say(`before: ${(await client.monitoring.getMonitor({ name: MONITOR })).summary}`)
  const before = (await firing()).filter((alert) => alert.columns.includes(BROKEN))
  expectThat(before.length === 0, `there was an alert on ${BROKEN} before anything broke`)

  payments.simulator.setDrift('broken-feature')
  teller.say(`now the job behind ${BROKEN} breaks: it publishes 0`)
  const begun = Date.now()
  for (let sent = 0; Date.now() - begun < PATIENCE_MS; sent += 500) {
    await payments.send(500)
    teller.progress('seconds', Math.round((Date.now() - begun) / 1_000), PATIENCE_MS / 1_000)
    await wait(BETWEEN_BATCHES_MS)
    await client.monitoring.evaluateMonitor({ name: MONITOR })
    const alert = (await firing()).find(({ columns }) => columns.includes(BROKEN))
    if (alert === undefined) continue
    teller.say(`alert after ${sent + 500} payments: ${alert.title}\n${alert.summary}`)
    expectThat(
      alert.columns[0] === BROKEN,
      `the alert names ${alert.columns[0] ?? 'nothing'} first`
    )
    payments.simulator.setDrift(null)
    return
  }
  expectThat(false, `no alert named ${BROKEN} within a minute`)
}
