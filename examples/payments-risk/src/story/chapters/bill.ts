import { expectThat } from '../expect-that.ts'
import { ENDPOINT, type Stage } from '../stage.ts'

/** What it cost, per variant and with the idle time, at the list price of a small cloud machine. */
export async function showBill({ client, teller }: Stage): Promise<void> {
  const report = await client.costs.getCostReport({ groupBy: 'variant', endpoint: ENDPOINT })
  expectThat(report.rows.length >= 3, `the bill knows ${report.rows.length} variants`)
  teller.say('variant  predictions  busy s   direct $/1000  with idle $/1000')
  for (const row of report.rows) {
    teller.say(
      [
        (row.group['variant']?.split('/').at(-1) ?? '').padEnd(8),
        String(row.predictions).padStart(11),
        row.busySeconds.toFixed(2).padStart(7),
        short(row.directUsdPer1000).padStart(15),
        short(row.loadedUsdPer1000).padStart(17),
      ].join(' ')
    )
  }
  const { billUsd, directUsd, idleUsd, status } = report.bill
  teller.say(
    `bill ${short(billUsd)} $ = used ${short(directUsd)} $ + idle ${short(idleUsd)} $  (${status})`
  )
  expectThat(
    report.rows.every((row) => row.directUsdPer1000 !== null),
    'a variant has no price'
  )
}

const short = (usd: string | null): string => (usd === null ? '–' : Number(usd).toPrecision(3))
